"""Ends without a reason are held back until the reason is known."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from router.core.model import OrderReport, VenueState
from router.ports import VenueUnreachableError
from tests.unit.venues.support import draws, virtually
from venues.bitgo.explain import KNOWN_MIN, Explainer
from venues.transport.backoff import Backoff


def report(state: VenueState = VenueState.CANCELED, name: str = "c1") -> OrderReport:
    return OrderReport(name, f"v-{name}", state, Decimal(0), None, None, (), None, 7)


class Desk:
    """Answers from a list, and keeps what was told."""

    def __init__(self, *answers: OrderReport | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.told: list[OrderReport] = []
        self.explainer = Explainer(self.ask, self.told.append, Backoff(10, 100, draws()))

    async def ask(self, client_order_id: str, venue_order_id: str) -> OrderReport:
        self.asked.append((client_order_id, venue_order_id))
        answer = self.answers.pop(0)
        if answer is None:
            raise VenueUnreachableError("not now")
        return answer

    async def run(self, seconds: float = 10) -> None:
        task = asyncio.create_task(self.explainer.run())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_an_order_that_is_not_known_as_ours_is_reported_as_the_feed_has_it() -> None:
    async def main() -> None:
        desk = Desk()
        assert not desk.explainer.holds(report())
        await desk.run()
        assert desk.asked == []

    virtually(main)


def test_an_open_order_that_ends_is_asked_for_and_told_once() -> None:
    async def main() -> None:
        desk = Desk(report(VenueState.EXPIRED))
        desk.explainer.sent("c1")
        desk.explainer.answered("c1", report(VenueState.WORKING))
        assert desk.explainer.holds(report())
        assert desk.explainer.holds(report())
        await desk.run()
        assert desk.asked == [("c1", "v-c1")]
        assert desk.told == [report(VenueState.EXPIRED)]
        assert desk.explainer.holds(report())
        await desk.run()
        assert len(desk.told) == 1

    virtually(main)


def test_an_end_that_overtakes_the_answer_waits_for_it() -> None:
    async def main() -> None:
        desk = Desk()
        desk.explainer.sent("c1")
        assert desk.explainer.holds(report())
        await desk.run()
        assert desk.asked == []
        # The answer has the reason itself: there is nothing to ask.
        desk.explainer.answered("c1", report())
        await desk.run()
        assert desk.asked == []

    virtually(main)


@pytest.mark.parametrize("answer", [None, report(VenueState.PENDING)], ids=["lost", "pending"])
def test_an_answer_that_does_not_tell_the_end_is_followed_by_the_question(answer: Any) -> None:
    async def main() -> None:
        desk = Desk(report())
        desk.explainer.sent("c1")
        assert desk.explainer.holds(report())
        desk.explainer.answered("c1", answer)
        await desk.run()
        assert desk.told == [report()]

    virtually(main)


def test_it_asks_until_it_is_answered_and_rest_has_caught_up_with_the_feed() -> None:
    async def main() -> None:
        desk = Desk(None, None, report(VenueState.WORKING), report())
        desk.explainer.answered("c1", None)
        assert desk.explainer.holds(report())
        await desk.run()
        assert len(desk.asked) == 4
        assert desk.told == [report()]

    virtually(main)


def test_one_that_cannot_be_read_does_not_hold_up_the_others() -> None:
    async def main() -> None:
        desk = Desk(None, report(name="c2"), report(name="c1"))
        for name in ("c1", "c2"):
            desk.explainer.answered(name, None)
            assert desk.explainer.holds(report(name=name))
        await desk.run()
        assert [found.venue_client_order_id for found in desk.told] == ["c2", "c1"]

    virtually(main)


def test_a_look_up_that_tells_the_end_saves_the_question() -> None:
    async def main() -> None:
        desk = Desk()
        desk.explainer.answered("c1", None)
        assert desk.explainer.holds(report())
        desk.explainer.answered("c1", report())
        await desk.run()
        assert desk.asked == []

    virtually(main)


def test_the_latest_are_remembered_and_the_oldest_forgotten() -> None:
    async def main() -> None:
        explainer = Desk().explainer
        names = [f"c{number}" for number in range(2 * KNOWN_MIN)]
        for number, name in enumerate(names):
            explainer.sent(name)
            explainer.answered(name, report(VenueState.DONE, name))
            assert explainer.knows(names[max(0, number + 1 - KNOWN_MIN)])
            # What is known only from before counts too: that it was told its end is not told anew.
            assert explainer.holds(report(name=names[max(0, number + 1 - KNOWN_MIN)]))
        assert not explainer.knows("c0")
        assert not explainer.holds(report(name="c0"))

    virtually(main)


def test_a_late_answer_leaves_an_end_told_though_it_is_an_old_one() -> None:
    async def main() -> None:
        desk = Desk()
        desk.explainer.answered("c1", report(VenueState.DONE))
        for number in range(KNOWN_MIN):
            desk.explainer.sent(f"d{number}")
        desk.explainer.answered("c1", None)
        assert desk.explainer.holds(report())
        await desk.run()
        assert desk.asked == []

    virtually(main)
