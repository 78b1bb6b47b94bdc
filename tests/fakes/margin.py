"""A margin account that does and shows what a test says, and a store of moves that outlives its router."""

import asyncio
import contextlib
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from decimal import Decimal

from router.core.account import (
    AssetBalance,
    Collateral,
    CollateralCurrency,
    Exposure,
    Position,
    RiskProfile,
    RiskSettings,
    TradePage,
    TradeWindow,
    Value,
)
from router.core.model import Connection
from router.core.movement import (
    Activity,
    ActivityQuery,
    ActivityType,
    CloseOrder,
    CloseRequest,
    CloseStatus,
    Move,
    Moved,
    MovedBalance,
    MoveKind,
    MoveOutcome,
    Snapshot,
    Withdrawal,
    WithdrawalStatus,
)
from router.core.moving import MovePhase, Operation
from router.journal.codec import decode_cursor, encode_cursor
from router.observe.events import EventBus
from router.observe.moving import MoveObserver
from router.ports import Clock, StoreError, VenueUnreachableError
from router.ports.accounts import AccountEntry, Roster
from router.ports.records import IdempotencyKeyTakenError, MoveRecord, MoveRecordPage, MoveStore
from router.service.ids import IdSource
from router.service.moving.codec import operation_of
from router.service.moving.service import Moving, MovingRules
from tests.fakes.world import Seen
from tests.unit import build
from tests.virtual_loop import LoopClock

D = Decimal
T0 = build.T0
WINDOW_NS = 30_000_000_000

TRANSFER = Move(MoveKind.COLLATERAL_TRANSFER, currency="USD", quantity=D("250.00"))
POSITION = Move(MoveKind.POSITION_TRANSFER, currency="BTC", quantity=D("0.5"))
WITHDRAWAL = Move(MoveKind.COLLATERAL_WITHDRAWAL, currency="USD", quantity=D(10))
CLOSE_ALL = Move(MoveKind.CLOSE)
COVER = Move(MoveKind.COVER, currencies=("BTC", "ETH"))


def moved(move: Move, venue_id: str = "t-1") -> Moved:
    """What a counterparty answers to a move that it did, or took on."""
    if move.kind is MoveKind.CLOSE:
        request = CloseRequest(venue_id, CloseStatus.PENDING, T0)
        return Moved(close=request, venue_ids=(venue_id,))
    if move.kind is MoveKind.COLLATERAL_WITHDRAWAL:
        withdrawal = Withdrawal(
            venue_id, move.currency or "", move.quantity or D(0), WithdrawalStatus.PENDING, T0, T0
        )
        return Moved(withdrawal=withdrawal, venue_ids=(venue_id,))
    assets = [move.currency] if move.currency else list(move.currencies or ("BTC",))
    balances = tuple(
        MovedBalance(asset, move.quantity or D(0), Value(D("1000.00"), "USD"), venue_id) for asset in assets
    )
    return Moved(balances=balances, venue_ids=(venue_id,))


class FakeMargin:
    """Implements `router.ports.accounts.MarginAccount`.

    `answers`: what sends are answered with in order (an exception is raised), then with a success; `evidence`
    likewise what `find` gives, then None. `hold()` makes sends wait until the event that it returns is set.
    `down`: every read raises.
    """

    def __init__(self) -> None:
        self.sends: list[Move] = []
        self.sent: asyncio.Queue[Move] = asyncio.Queue()
        self.looked_up: asyncio.Queue[tuple[Move, int, frozenset[str]]] = asyncio.Queue()
        self.answers: deque[MoveOutcome | Exception] = deque()
        self.evidence: deque[MoveOutcome | Exception | None] = deque()
        self.later: MoveOutcome | Exception | None = None
        self.currencies: Sequence[CollateralCurrency] = (
            CollateralCurrency("USD", "US Dollar", D("0.01")),
            CollateralCurrency("BTC", "Bitcoin", D("0.00000001")),
        )
        self.currency_reads = 0
        self.down: Exception | None = None
        self.cancel_answer: MoveOutcome | None = None
        self.asked: list[tuple[object, ...]] = []
        self.utilization: Decimal | None = D("0.0510")
        self.rows = 2
        self._gate: asyncio.Event | None = None

    def hold(self) -> asyncio.Event:
        self._gate = asyncio.Event()
        return self._gate

    async def send(self, move: Move) -> MoveOutcome:
        self.sends.append(move)
        self.sent.put_nowait(move)
        number = len(self.sends)
        if self._gate is not None:
            await self._gate.wait()
        answer = self.answers.popleft() if self.answers else moved(move, f"t-{number}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def find(self, move: Move, sent_at: int, known: Collection[str]) -> MoveOutcome | None:
        self.looked_up.put_nowait((move, sent_at, frozenset(known)))
        found = self.evidence.popleft() if self.evidence else self.later
        if isinstance(found, Exception):
            raise found
        return found

    async def positions(self) -> Sequence[Position]:
        self._read()
        return (
            Position("BTC", D("0.5"), Value(D("20000.00"), "USD")),
            Position("ETH", D("-2.0"), None),
        )

    async def exposures(self) -> Sequence[Exposure]:
        self._read()
        return ()

    async def risk_profile(self) -> RiskProfile:
        self._read()
        return RiskProfile(
            net_open_position=Value(D("5000.00"), "USD"),
            collateral=Value(D("10000.00"), "USD"),
            unrealized_pnl=Value(D("-200.00"), "USD"),
            margin_balance=Value(D("9800.00"), "USD"),
            margin_requirement=None if self.utilization is None else Value(D("500.00"), "USD"),
            margin_utilization=self.utilization,
        )

    async def risk_settings(self) -> RiskSettings:
        self._read()
        return RiskSettings(Value(D("100000.00"), "USD"), D("0.80"), D("0.95"), None)

    async def collateral(self) -> Sequence[Collateral]:
        self._read()
        return (Collateral("USD", D("10000.00"), Value(D("10000.00"), "USD")),)

    async def collateral_currencies(self) -> Sequence[CollateralCurrency]:
        self.currency_reads += 1
        self._read()
        return self.currencies

    async def close_requests(self, offset: int, limit: int) -> Sequence[CloseRequest]:
        self._read()
        every = [CloseRequest(f"c-{n}", CloseStatus.COMPLETED, T0) for n in range(self.rows)]
        return every[offset : offset + limit]

    async def close_request(self, request_id: str) -> CloseRequest | None:
        self._read()
        return CloseRequest("c-1", CloseStatus.IN_PROGRESS, T0) if request_id == "c-1" else None

    async def close_orders(self, request_id: str) -> Sequence[CloseOrder]:
        self._read()
        return (CloseOrder(request_id, CloseStatus.PENDING, "BTC", "USD", None, T0, T0),)

    async def withdrawals(self, offset: int, limit: int) -> Sequence[Withdrawal]:
        self._read()
        every = [self._withdrawal(f"w-{n}") for n in range(self.rows)]
        return every[offset : offset + limit]

    async def withdrawal(self, request_id: str) -> Withdrawal | None:
        self._read()
        return self._withdrawal("w-1") if request_id == "w-1" else None

    async def cancel_withdrawal(self, request_id: str) -> MoveOutcome:
        self.asked.append(("cancel", request_id))
        if self.cancel_answer is not None:
            return self.cancel_answer
        cancelled = Withdrawal(request_id, "USD", D(10), WithdrawalStatus.CANCELLED, T0, T0)
        return Moved(withdrawal=cancelled)

    async def snapshot(
        self, until: int, currencies: Sequence[str], *, use_future_transfers: bool
    ) -> Sequence[Snapshot]:
        self._read()
        self.asked.append(("snapshot", until, tuple(currencies), use_future_transfers))
        return (Snapshot("BTC", D("-0.5"), D("0.1"), T0, None, None),)

    async def activity(self, query: ActivityQuery, offset: int, limit: int) -> Sequence[Activity]:
        self._read()
        self.asked.append(("activity", query, offset, limit))
        every = [
            Activity(ActivityType.FILL_BASE_LEG, f"a-{n}", "BTC", D("-0.25"), T0) for n in range(self.rows)
        ]
        return every[offset : offset + limit]

    def _read(self) -> None:
        if self.down is not None:
            raise self.down

    @staticmethod
    def _withdrawal(request_id: str) -> Withdrawal:
        return Withdrawal(request_id, "USD", D(10), WithdrawalStatus.PENDING, T0, T0)


UNREACHABLE = VenueUnreachableError("HTTP 503")


class FakeTrading:
    """Implements `router.ports.accounts.TradingAccount` for its margin side alone."""

    def __init__(self, margin: FakeMargin | None) -> None:
        self._margin = margin

    @property
    def margin(self) -> FakeMargin | None:
        return self._margin

    async def balances(self) -> Sequence[AssetBalance]:
        return ()

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        return TradePage((), None)


class MarginRoster:
    """Implements `router.ports.accounts.Roster`: PTS connections with their accounts, and a Spot one."""

    def __init__(self, **accounts: FakeMargin) -> None:
        self.listed = {
            name: AccountEntry(connection(name), "exchange", True, FakeTrading(account), None, WINDOW_NS)
            for name, account in accounts.items()
        }
        spot = build.connection("spot")
        self.listed["spot"] = AccountEntry(spot, "exchange", True, FakeTrading(None), None, WINDOW_NS)

    def entries(self) -> Sequence[AccountEntry]:
        return tuple(self.listed.values())

    def entry(self, connection_id: str) -> AccountEntry | None:
        return self.listed.get(connection_id)


def connection(name: str = "pts") -> Connection:
    """A PTS connection."""
    return build.connection(name, pts=True)


class MemoryMoves:
    """Implements `router.ports.records.MoveStore`. It outlives a router: hand it to the next one.

    `failing`: operations that raise `StoreError` (`accept`, `append`, `read`). `hold(operation)` makes them
    wait until the event that it returns is set, before anything is kept. `started` gets each write's
    operation when it begins. `pause`, if there is one, is awaited before and after a write is kept: a router
    that ends in one of them left nothing behind, or all of it.
    """

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.started: asyncio.Queue[str] = asyncio.Queue()
        self.pause: Callable[[], Awaitable[None]] | None = None
        self.of_others: set[str] = set()
        self._gates: dict[str, asyncio.Event] = {}
        self._records: dict[str, MoveRecord] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._events: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)

    def hold(self, operation: str) -> asyncio.Event:
        gate = self._gates[operation] = asyncio.Event()
        return gate

    def kept(self) -> list[Operation]:
        """Every operation as it would be found after a crash now."""
        return [operation_of(record) for record in self._records.values()]

    def phases(self) -> list[MovePhase]:
        return [operation.phase for operation in self.kept()]

    def put(self, record: MoveRecord, *, of_others: bool = False) -> None:
        """Another router's record, if it is alive, or one of an earlier life."""
        self._records[record.id] = record
        self._keys[record.connection_id, record.key] = record.id
        if of_others:
            self.of_others.add(record.id)

    async def accept_move(self, record: MoveRecord) -> None:
        def keep() -> None:
            known = self._keys.get((record.connection_id, record.key))
            if known is not None:
                raise IdempotencyKeyTakenError(self._records[known])
            self.put(record)

        await self._write("accept", keep)

    async def append_move(self, record: MoveRecord, event: bytes, at: int) -> None:
        def keep() -> None:
            self._records[record.id] = record
            self._events[record.id].append((at, event))

        await self._write("append", keep)

    async def move(self, move_id: str) -> MoveRecord | None:
        await self._read()
        return self._records.get(move_id)

    async def move_by_key(self, connection_id: str, key: str) -> MoveRecord | None:
        await self._read()
        return self._records.get(self._keys.get((connection_id, key), ""))

    async def move_events(self, move_id: str) -> Sequence[tuple[int, bytes]]:
        await self._read()
        return list(self._events[move_id])

    async def open_moves(self) -> Sequence[MoveRecord]:
        await self._read()
        return [
            record
            for record in self._records.values()
            if not record.final and record.id not in self.of_others
        ]

    async def moves(self, connection_id: str, limit: int, cursor: str | None) -> MoveRecordPage:
        await self._read()
        own = [record for record in self._records.values() if record.connection_id == connection_id]
        own.sort(key=lambda record: (record.created_at, record.id), reverse=True)
        if cursor is not None:
            before = decode_cursor(cursor)
            own = [record for record in own if (record.created_at, record.id) < before]
        last = own[limit - 1] if len(own) > limit else None
        following = None if last is None else encode_cursor(last.created_at, last.id)
        return MoveRecordPage(tuple(own[:limit]), following)

    async def _write(self, operation: str, keep: Callable[[], None]) -> None:
        self.started.put_nowait(operation)
        await self._wait(operation)
        if self.pause is not None:
            await self.pause()
        if operation in self.failing:
            raise StoreError("the disk is full")
        keep()
        if self.pause is not None:
            await self.pause()

    async def _read(self) -> None:
        await self._wait("read")
        if "read" in self.failing:
            raise StoreError("the disk is gone")

    async def _wait(self, operation: str) -> None:
        gate = self._gates.get(operation)
        if gate is not None:
            await gate.wait()
        await asyncio.sleep(0)


class MovingWorld:
    """One router's moves over accounts and a store; what it logged and counted is in `seen`."""

    def __init__(
        self,
        store: MoveStore,
        roster: Roster,
        clock: Clock,
        seed: int = 1,
        events: EventBus | None = None,
    ) -> None:
        self.seen = Seen(events)
        observer = MoveObserver(self.seen.observer)
        ids = IdSource(clock, random.Random(seed).randbytes)  # noqa: S311 - a seed replays a run
        rules = MovingRules(
            answer_deadline_ns=5_000_000_000,
            queue_deadline_ns=3_000_000_000,
            in_doubt_alert_ns=60_000_000_000,
        )
        self.moving = Moving(roster, store, observer, clock, ids, rules)


@contextlib.asynccontextmanager
async def moving_world(
    account: FakeMargin, store: MemoryMoves, roster: Roster | None = None, seed: int = 1
) -> AsyncIterator[MovingWorld]:
    """Moves on the connection `pts`, in virtual time: started, used, and stopped with nothing left behind."""
    roster = MarginRoster(pts=account) if roster is None else roster
    made = MovingWorld(store, roster, LoopClock(), seed)
    await made.moving.start()
    try:
        yield made
    finally:
        await made.moving.stop(1.0)
