"""Several routers on one database: who has an order, who may write, and whose balance it is."""

import asyncio

import asyncpg
import pytest

from router.core.errors import Code, OrderError
from router.core.model import VenueState
from router.core.order import CancelRequested, NotRouted, Refused, Reported
from router.journal.migrate import known_migrations
from router.journal.postgres import PostgresJournal
from router.ports import (
    ClientOrderIdTakenError,
    FencedError,
    ReservationRefusedError,
    StoreBrokenError,
    StoreError,
)
from tests.postgres_server import PostgresServer
from tests.unit import build
from tests.unit.build import T0
from tests.unit.journal.postgres_kit import (
    LEASE_S,
    append,
    cover,
    expire,
    intended,
    numbered,
    reported,
    reservations,
    routed,
    routers,
)

NO = OrderError(Code.CREDIT_FROZEN, "frozen")
WORKING = Reported(build.report(VenueState.WORKING))
DONE = Reported(build.report(VenueState.DONE, build.fill()))


# whose order it is
async def test_the_orders_of_a_router_that_lives_are_left_alone(database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        await one.accept(numbered(1))

        assert list(await two.open_orders()) == []
        assert list(await one.open_orders()) == []


async def test_the_orders_of_a_router_that_was_closed_are_free_at_once(database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        await one.accept(numbered(1))
        await one.close()

        assert [numbered(1)] == list(await two.open_orders())
        assert list(await two.open_orders()) == []  # it has them already
        await append(two, numbered(1), CancelRequested())


async def test_a_router_that_slept_through_its_lease_cannot_write_any_more(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    broken: list[StoreBrokenError] = []
    sleeper = await PostgresJournal.open(database_url, lease_s=LEASE_S, broken=broken.append)
    async with routers(database_url, 1) as (other,):
        await sleeper.accept(numbered(1))
        final = numbered(2)
        await sleeper.accept(final)
        final = await append(sleeper, final, NotRouted(NO))
        expire(postgres, database, sleeper)
        assert [numbered(1)] == list(await other.open_orders())

        with pytest.raises(FencedError, match="fenced"):
            await append(sleeper, numbered(1), CancelRequested())
        with pytest.raises(FencedError):
            await sleeper.accept(numbered(3))
        with pytest.raises(FencedError):
            await sleeper.check()
        with pytest.raises(FencedError):
            await sleeper.open_orders()

        assert list(await other.events(numbered(1).id)) == []
        assert await other.order(numbered(3).id) is None
        await append(other, numbered(1), CancelRequested())
    assert [type(error) for error in broken] == [FencedError]
    await sleeper.close()


async def test_a_lease_that_ran_out_and_was_not_taken_still_stands(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 2) as (one, two):
        await one.accept(numbered(1))
        expire(postgres, database, one)

        await append(one, numbered(1), CancelRequested())

        assert list(await two.open_orders()) == []


async def test_a_router_in_the_middle_of_a_write_is_not_taken_for_gone(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 2) as (one, two):
        await one.accept(numbered(1))
        expire(postgres, database, one)
        writing = await asyncpg.connect(database_url)
        async with writing.transaction():
            await writing.execute("UPDATE routers SET writes = writes WHERE id = $1", one.owner.id)
            assert list(await two.open_orders()) == []
        await writing.close()

        assert [numbered(1)] == list(await two.open_orders())


async def test_two_that_take_over_at_once_share_the_orders(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 3) as (gone, *others):
        for number in range(20):
            await gone.accept(numbered(number))
        expire(postgres, database, gone)

        shares = await asyncio.gather(*(other.open_orders() for other in others for _ in range(3)))

        taken = [order.id for share in shares for order in share]
        assert [numbered(number).id for number in range(20)] == sorted(taken)


async def test_a_lease_is_renewed_while_nothing_is_written(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 1, lease_s=0.3), asyncio.timeout(10):
        while int(postgres.sql("SELECT writes FROM routers", database)) < 3:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.02)
        assert postgres.sql("SELECT lease_until > clock_timestamp() FROM routers", database) == "t"


async def test_an_order_of_another_router_cannot_be_written_to(database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        await one.accept(numbered(1))

        with pytest.raises(StoreError, match="another's"):
            await append(two, numbered(1), CancelRequested())

        assert list(await one.events(numbered(1).id)) == []
        assert numbered(1) == await two.order(numbered(1).id)


async def test_a_key_that_another_router_has_tells_the_order_as_it_stands(database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        first = numbered(1)
        await one.accept(first)
        first = await append(one, first, CancelRequested())

        with pytest.raises(ClientOrderIdTakenError) as raised:
            await two.accept(build.order(id="order-b", request=first.request))

        assert first == raised.value.order


async def test_a_final_order_is_adopted_only_once_its_router_is_gone(database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        order = numbered(1)
        await one.accept(order)
        assert order == await one.adopt(order.id)
        assert await two.adopt(order.id) is None
        order = await append(one, order, routed(order))
        order = await append(one, order, reported(order, DONE))
        assert await two.adopt(order.id) is None
        await one.close()

        assert order == await two.adopt(order.id)
        assert await two.adopt("none") is None
        late = build.report(VenueState.DONE, build.fill(), build.fill("trade-2", "0.1"))
        await append(two, order, reported(order, Reported(late)))
        assert len(await two.events(order.id)) == 3


async def test_an_open_order_of_a_router_that_is_gone_is_taken_over_and_not_adopted(
    database_url: str,
) -> None:
    async with routers(database_url, 2) as (one, two):
        await one.accept(numbered(1))
        await one.close()

        assert await two.adopt(numbered(1).id) is None
        assert [numbered(1)] == list(await two.open_orders())


# whose balance it is
async def test_a_claim_that_others_leave_no_room_for_is_refused_and_nothing_is_kept(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 2) as (one, two):
        first = await intended(one, 1, "a")
        order = numbered(1, "b")
        await two.accept(order)

        # 100 are there. It has claimed 70 of them itself, the other router 60.
        with pytest.raises(ReservationRefusedError, match="have 60 reserved, and 30 would be left"):
            await append(two, order, routed(order, "70"), cover("30"))

        assert order == await two.order(order.id)
        assert list(await two.events(order.id)) == []
        assert reservations(postgres, database) == [f"{first.id}|bitgo-spot|USD|60"]
        await append(two, order, routed(order, "40"), cover("60"))


@pytest.mark.parametrize(
    ("asset", "connection"), [("BTC", "bitgo-spot"), ("USD", "other-spot")], ids=["asset", "connection"]
)
async def test_another_balance_is_another_matter(asset: str, connection: str, database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        await intended(one, 1, "a")
        order = numbered(1, "b")
        await two.accept(order)

        await append(two, order, routed(order, "70", asset, connection), cover("0"))


async def test_ones_own_reservations_are_counted_by_ones_own_ledger(database_url: str) -> None:
    async with routers(database_url, 1) as (one,):
        await intended(one, 1, "a")
        order = numbered(2, "a")
        await one.accept(order)

        await append(one, order, routed(order), cover("0"))


async def test_of_two_routers_that_claim_at_once_one_is_refused(database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        pairs = [(numbered(number, "a"), numbered(number, "b")) for number in range(30)]
        for first, second in pairs:
            await asyncio.gather(one.accept(first), two.accept(second))

        # Of each balance there are 100: 60 claimed leave 40 to others.
        outcomes = await asyncio.gather(
            *(
                append(journal, order, routed(order, asset=f"ASSET-{number}"), cover("40"))
                for number, pair in enumerate(pairs)
                for journal, order in zip((one, two), pair, strict=True)
            ),
            return_exceptions=True,
        )

        for first, second in zip(outcomes[::2], outcomes[1::2], strict=True):
            refused = [isinstance(each, ReservationRefusedError) for each in (first, second)]
            assert sorted(refused) == [False, True], (first, second)


@pytest.mark.parametrize("end", ["final", "refused"])
async def test_a_reservation_ends_with_the_order_or_with_a_refusal(
    end: str, postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 1) as (one,):
        order = await intended(one, 1, "a")
        event = reported(order, DONE) if end == "final" else Refused(NO, final=False)

        order = await append(one, order, event)

        assert reservations(postgres, database) == []
        if end == "refused":
            await append(one, order, routed(order, "1E+2"))
            assert reservations(postgres, database) == [f"{order.id}|bitgo-spot|USD|1E+2"]


async def test_funds_that_the_counterparty_holds_are_not_counted_twice(database_url: str) -> None:
    async with routers(database_url, 2) as (one, two):
        first = await intended(one, 1, "a")
        await append(one, first, reported(first, WORKING))  # acknowledged at T0
        order = numbered(1, "b")
        await two.accept(order)

        with pytest.raises(ReservationRefusedError):
            await append(two, order, routed(order), cover("40", stated_at=T0 + 500_000_000))
        await append(two, order, routed(order), cover("40", stated_at=T0 + 2_000_000_000))


async def test_a_fill_in_part_frees_nothing_for_a_balance_that_was_read_before_it(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    async with routers(database_url, 2) as (one, two):
        first = await intended(one, 1, "a")
        part = Reported(build.report(VenueState.WORKING, build.fill(quantity="0.25")))
        await append(one, first, reported(first, part))  # acknowledged at T0; half of the 60 is spent
        assert reservations(postgres, database) == [f"{first.id}|bitgo-spot|USD|60"]
        order = numbered(1, "b")
        await two.accept(order)

        # 100 were there when they were read. 70 are there now, and the first order may take 30 of these.
        with pytest.raises(ReservationRefusedError):
            await append(two, order, routed(order, "50"), cover("50", stated_at=T0))
        # Read after the acknowledgement the balance is without the 60 already.
        await append(two, order, routed(order, "40"), cover("0", stated_at=T0 + 2_000_000_000))


async def test_a_reservation_goes_with_its_order_to_whoever_takes_it_over(database_url: str) -> None:
    async with routers(database_url, 3) as (one, two, three):
        await intended(one, 1, "a")
        await one.close()
        await two.open_orders()
        mine, others = numbered(1, "b"), numbered(1, "c")
        await two.accept(mine)
        await three.accept(others)

        await append(two, mine, routed(mine, "1"), cover("0"))
        with pytest.raises(ReservationRefusedError):
            await append(three, others, routed(others, "1"), cover("60"))


# the tables
async def test_migrations_are_applied_once_whoever_comes_first(
    postgres: PostgresServer, database: str, database_url: str
) -> None:
    opened = await asyncio.gather(*(PostgresJournal.open(database_url) for _ in range(4)))
    for journal in opened:
        await journal.close()

    known = [f"{each.version}|{each.name}|{each.sha256}" for each in known_migrations("postgres")]
    query = "SELECT version, name, sha256 FROM migrations ORDER BY version"
    assert known == postgres.sql(query, database).splitlines()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("INSERT INTO migrations (version, name, sha256) VALUES (9999, 'x', 'y')", "version 9999: a newer"),
        ("UPDATE migrations SET sha256 = 'another'", "was 0001_orders.sql with another"),
        ("DROP TABLE migrations", "already exists"),
    ],
)
async def test_tables_that_are_not_this_programs_are_refused(
    change: str, said: str, postgres: PostgresServer, database: str, database_url: str
) -> None:
    await (await PostgresJournal.open(database_url)).close()
    postgres.sql(change, database)

    with pytest.raises(StoreError, match=said):
        await PostgresJournal.open(database_url)
