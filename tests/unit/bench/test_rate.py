"""The search for the highest rate that is held."""

import pytest

from bench.rate import P99_MS_MAX, Stage, highest, stage_of


class Probe:
    """A router that holds `limit` orders a second; at the stages named it has a noisy neighbour."""

    def __init__(self, limit: float, noisy: frozenset[int] = frozenset()) -> None:
        self.limit = limit
        self.tried: list[float] = []
        self._noisy = noisy

    async def __call__(self, rate: float) -> Stage:
        self.tried.append(rate)
        late = rate > self.limit or len(self.tried) in self._noisy
        return Stage(rate, 1.0, P99_MS_MAX + 1 if late else 2.0, {}, 0.1)


@pytest.mark.parametrize("guess", [100.0, 1000.0, 9000.0])
async def test_it_is_found_from_above_and_from_below(guess: float) -> None:
    probe = Probe(1000)

    found = await highest("router", guess, probe)

    assert found.held is not None
    assert found.first_lost is not None
    assert 950 < found.held.rate_per_second <= 1000 < found.first_lost.rate_per_second < 1060
    assert found.stages == len(probe.tried)


async def test_a_stage_lost_to_a_neighbour_is_tried_again() -> None:
    quiet = await highest("router", 600, Probe(1000))
    noisy = await highest("router", 600, Probe(1000, frozenset({1, 3})))

    assert quiet.held is not None
    assert noisy.held is not None
    assert noisy.held.rate_per_second == pytest.approx(quiet.held.rate_per_second, rel=0.04)


async def test_what_holds_nothing_ends_too() -> None:
    found = await highest("router", 1000, Probe(0))

    assert found.held is None
    assert found.stages <= 20


@pytest.mark.parametrize(
    ("latencies_ms", "wrong", "expected"),
    [
        ([1] * 100, {}, True),
        ([1] * 98 + [51, 51], {}, False),
        ([1] * 99 + [900], {}, True),
        ([1], {"503": 1}, False),
    ],
)
def test_a_stage_is_held_when_every_order_was_filled_in_time(
    latencies_ms: list[int], wrong: dict[str, int], expected: bool
) -> None:
    stage = stage_of(10.0, [latency * 1_000_000 for latency in latencies_ms], wrong, 0.1)

    assert stage.held is expected


def test_a_stage_without_an_answer_is_not_held() -> None:
    assert not stage_of(10.0, [], {"unanswered": 3}, 0.1).held
