"""One idempotency key, one order, one send: whenever, however often and wherever it comes again."""

import asyncio

import pytest

from router.core.errors import Code, ConflictError, UnavailableError
from router.core.model import OrderStatus, Side
from router.core.order import Phase
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import spot, world
from tests.unit.build import D, request
from tests.virtual_loop import in_virtual_time, pass_time


@in_virtual_time
async def test_a_thousand_at_once_make_one_order_and_one_send() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        answers = await asyncio.gather(*(w.desk.submit(request()) for _ in range(1000)))

        assert {answer.order.id for answer in answers} == {w.journal.kept_orders[0].id}
        assert {answer.order.status for answer in answers} == {OrderStatus.FILLED}
        assert sum(not answer.replayed for answer in answers) == 1
        assert len(w["spot"].submitted) == 1
        assert [what for what, _ in w.journal.durable].count("accept") == 1


@in_virtual_time
async def test_a_repeat_after_the_end_answers_the_order_again() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        first = await w.desk.submit(request())
        await pass_time(10)
        again = await w.desk.submit(request())

        assert again.replayed
        assert (again.order, again.competition) == (first.order, first.competition)
        assert len(w["spot"].submitted) == 1


@in_virtual_time
async def test_repeats_at_once_after_the_end_all_answer_the_order() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        first = await w.desk.submit(request())
        await pass_time(10)
        again = await asyncio.gather(*(w.desk.submit(request()) for _ in range(100)))

        assert {answer.order.id for answer in again} == {first.order.id}
        assert all(answer.replayed for answer in again)
        assert len(w["spot"].submitted) == 1
        assert w["spot"].unsent == 0


@in_virtual_time
async def test_another_body_at_the_same_time_as_a_repeat_is_refused() -> None:
    """Both find nothing in memory, and only one of them is what the journal has."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        first = await w.desk.submit(request())
        await pass_time(10)
        other, same = await asyncio.gather(
            w.desk.submit(request(quantity=D("0.6"))), w.desk.submit(request()), return_exceptions=True
        )

        assert isinstance(other, ConflictError)
        assert not isinstance(same, BaseException)
        assert same.order.id == first.order.id


@in_virtual_time
async def test_a_repeat_after_a_restart_answers_the_order_again() -> None:
    journal = MemoryJournal()
    async with world(spot(), journal=journal) as w:
        w["spot"].streams("99.00", "100.00")
        first = await w.desk.submit(request())
    async with world(spot(), journal=journal, seed=2) as w:
        w["spot"].streams("99.00", "100.00")
        again = await w.desk.submit(request())

        assert again.replayed
        assert again.order.id == first.order.id
        assert again.competition == first.competition
        assert w["spot"].submitted == []


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("quantity", {"quantity": D("0.6")}),
        ("side", {"side": Side.SELL}),
        ("slippage_bps_max", {"slippage_bps_max": D(10)}),
        ("connections", {"connections": ("spot",)}),
    ],
)
@pytest.mark.parametrize("wait_s", [0, 10])
def test_the_same_key_with_another_body_is_a_conflict_that_names_the_field(
    field: str, other: dict[str, object], wait_s: float
) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with world(spot()) as w:
            w["spot"].streams("99.00", "100.00")
            await w.desk.submit(request())
            await pass_time(wait_s)
            with pytest.raises(ConflictError, match=f"^{field}: ") as refused:
                await w.desk.submit(request(**other))
            assert refused.value.code is Code.CLIENT_ORDER_ID_REUSED
            assert len(w["spot"].submitted) == 1

    scenario()


@in_virtual_time
async def test_the_same_amount_written_otherwise_is_the_same_body() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        await w.desk.submit(request(quantity=D("0.5")))
        assert (await w.desk.submit(request(quantity=D("0.50")))).replayed


@in_virtual_time
async def test_a_repeat_while_stopping_is_answered_and_a_new_order_is_not() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        first = await w.desk.submit(request())
        await w.desk.stop(1)

        assert (await w.desk.submit(request())).order.id == first.order.id
        with pytest.raises(UnavailableError) as refused:
            await w.desk.submit(request(client_order_id="another"))
        assert refused.value.code is Code.SHUTTING_DOWN
        with pytest.raises(ConflictError, match=r"^quantity: "):
            await w.desk.submit(request(quantity=D("0.6")))


@in_virtual_time
async def test_a_repeat_is_answered_with_the_end_even_while_the_store_is_behind() -> None:
    """Filled for one caller is filled for the next: an order leaves memory when the journal has its end."""
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w["spot"].before_submit = lambda _order: w.journal.failing.add("append")
        first = await w.desk.submit(request())
        assert first.order.status is OrderStatus.FILLED
        await pass_time(30)

        assert w.journal.kept(first.order.id).phase is Phase.ROUTED
        assert (await w.desk.submit(request())).order == first.order
        assert (await w.desk.order(first.order.id)).order == first.order
        assert (await w.desk.order_by_client_id("desk-7-000123")).order == first.order
        assert (await w.desk.orders(10, None)).data == (first.order,)

        w.journal.failing = set()
        await pass_time(5)
        assert w.journal.kept(first.order.id) == first.order


@in_virtual_time
async def test_repeats_share_the_refusal_of_an_order_that_could_not_be_kept() -> None:
    async with world(spot()) as w:
        w["spot"].streams("99.00", "100.00")
        w.journal.failing = {"accept"}
        refused = await asyncio.gather(*(w.desk.submit(request()) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(each, UnavailableError) for each in refused)
