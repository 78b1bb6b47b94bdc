"""Ids and the process's clock."""

import random
import uuid

from router.service.clock import SystemClock
from router.service.ids import IdSource


class ManualClock:
    """A clock that stands where it is put."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def now(self) -> int:
        return self.now_ns


def source(clock: ManualClock, seed: int = 1) -> IdSource:
    return IdSource(clock, random.Random(seed).randbytes)  # noqa: S311 - a seed replays a run


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    made = uuid.UUID(source(ManualClock(1_750_000_000_123_456_789)).new())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == 1_750_000_000_123


def test_ids_are_in_the_order_of_time_and_none_comes_twice() -> None:
    clock = ManualClock(1_750_000_000_000_000_000)
    ids = source(clock)
    made = []
    for _ in range(1000):
        made.append(ids.new())
        clock.now_ns += 1_000_000
    assert made == sorted(made)
    assert len(set(made)) == 1000
    assert {len(each) for each in made} == {36}


def test_ids_of_one_moment_differ_however_many_are_drawn_for_at_once() -> None:
    for drawn in (1, 3):
        rng, asked = random.Random(1), []  # noqa: S311 - a seed replays a run

        def random_bytes(count: int, rng: random.Random = rng, asked: list[int] = asked) -> bytes:
            asked.append(count)
            return rng.randbytes(count)

        ids = IdSource(ManualClock(1_750_000_000_123_456_789), random_bytes, drawn=drawn)
        made = [uuid.UUID(ids.new()) for _ in range(6)]
        assert len(set(made)) == 6
        assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}
        assert asked == [10 * drawn] * (6 // drawn)


def test_the_random_bits_are_all_there() -> None:
    clock = ManualClock(1_750_000_000_123_456_789)
    ones = uuid.UUID(IdSource(clock, lambda count: b"\xff" * count).new())
    zeros = uuid.UUID(IdSource(clock, bytes).new())
    assert (ones.int ^ zeros.int).bit_count() == 74


def test_the_same_time_and_the_same_bytes_make_the_same_id() -> None:
    assert source(ManualClock(5)).new() == source(ManualClock(5)).new()
    assert source(ManualClock(5)).new() != source(ManualClock(5), seed=2).new()


def test_the_clock_never_goes_back() -> None:
    clock = SystemClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
