"""A journal's rows, written again under other ids, and read back through the journal itself."""

from pathlib import Path

import pytest

from bench.growth.rows import CLIENT_ID, Row, Template, fill, numbered
from router.core.errors import Code, OrderError
from router.core.order import NotRouted, step
from router.journal.sqlite import SqliteJournal
from tests.unit import build

ORDER_ID = "01a2016b-61ce-77ef-8a90-fafe3c051f76"
ERROR = OrderError(Code.NO_QUOTES, "no quotes")


async def a_journal(path: Path) -> None:
    """One order that was accepted and ended unrouted; its client id is how its product begins."""
    order = build.order(id=ORDER_ID, request=build.request(client_order_id="BTC"), candidates=("100 %",))
    event = NotRouted(ERROR)
    journal = SqliteJournal.open(path)
    await journal.accept(order)
    await journal.append(step(order, event, order.created_at + 1), event, order.created_at + 1)
    await journal.keep_competition(
        "01a2016b-61cf-7a58-9ded-af181234e2b8", ORDER_ID, b'{"of":"%s"}' % ORDER_ID.encode()
    )
    await journal.close()


async def test_copies_are_orders_like_their_template_under_ids_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await a_journal(path)

    fill(path, Template(path, "BTC"), 0, 20)
    fill(path, Template(path, "BTC"), 20, 5)

    journal = SqliteJournal.open(path)
    page = await journal.orders(100, None)
    template = await journal.order(ORDER_ID)
    copy = await journal.order_by_client_id(CLIENT_ID % 24)
    assert template is not None
    assert copy is not None
    events = await journal.events(copy.id)
    await journal.close()
    assert len({order.id for order in page.data}) == 26
    assert copy.id == numbered(ORDER_ID.encode(), 24, 0).decode()
    assert (copy.request.product, copy.candidates) == (template.request.product, ("100 %",))
    assert copy.is_final
    assert [event for _, event in events] == [NotRouted(ERROR)]


async def test_a_row_may_be_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await a_journal(path)

    def shorten(table: str, row: Row) -> Row:
        return (*row[:-1], b"{}") if table == "competitions" else row

    fill(path, Template(path, "BTC"), 0, 1, shorten=shorten)

    journal = SqliteJournal.open(path)
    competition = await journal.competition(numbered(b"01a2016b-61cf-7a58-9ded-af181234e2b8", 0, 1).decode())
    await journal.close()
    assert competition == b"{}"


async def test_an_order_that_is_not_there_is_no_template(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    await a_journal(path)

    with pytest.raises(LookupError, match="expected an order nobody"):
        Template(path, "nobody")
