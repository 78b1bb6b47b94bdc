"""What reports and margin operations need of a counterparty: an account's books, read; its margin, moved.

Every read raises `VenueUnreachableError` and its kin, and takes from the account's request budget in the
lane that leaves most to orders (`Lane.REST`): a report never takes an order's place.
"""

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from router.core.account import (
    AssetBalance,
    Collateral,
    CollateralCurrency,
    CreditLine,
    Exposure,
    Position,
    RiskProfile,
    RiskSettings,
    TradePage,
    TradeWindow,
    Transaction,
    TransactionPage,
    Wallet,
    WalletPage,
)
from router.core.errors import Code, VenueError
from router.core.model import Connection
from router.core.movement import (
    Activity,
    ActivityQuery,
    CloseOrder,
    CloseRequest,
    Move,
    MoveOutcome,
    Snapshot,
    Withdrawal,
)
from router.ports import Health, VenueListener


class MarginAccount(Protocol):
    """The margin side of a PTS account."""

    async def positions(self) -> Sequence[Position]:
        """Open positions, signed."""

    async def exposures(self) -> Sequence[Exposure]:
        """Limits, credit used and exposure of every asset with a limit or a position."""

    async def risk_profile(self) -> RiskProfile:
        """How the account stands; both dialects, one unit."""

    async def risk_settings(self) -> RiskSettings:
        """The limits set for it; both dialects, one unit."""

    async def collateral(self) -> Sequence[Collateral]:
        """What was handed over as collateral."""

    async def collateral_currencies(self) -> Sequence[CollateralCurrency]:
        """What would be taken as collateral."""

    async def send(self, move: Move) -> MoveOutcome:
        """Move money, or ask for it to be moved, once: no retry, no redirect, in no layer.

        Takes its request in the lane of orders. Never raises but for cancellation of the caller's task, which
        does not end the request.
        """

    async def find(self, move: Move, sent_at: int, known: Collection[str]) -> MoveOutcome | None:
        """What the counterparty shows of a move that was sent at `sent_at` and not answered.

        Only evidence that belongs to no other move counts; `known` are the counterparty's ids of those. None:
        it shows no trace of it (now). `Unanswered`: this kind of move leaves no trace that could tell.
        """

    async def close_requests(self, offset: int, limit: int) -> Sequence[CloseRequest]:
        """Requests to close positions, as the counterparty orders them."""

    async def close_request(self, request_id: str) -> CloseRequest | None:
        """One of them; None if there is none."""

    async def close_orders(self, request_id: str) -> Sequence[CloseOrder]:
        """The orders that one led to."""

    async def withdrawals(self, offset: int, limit: int) -> Sequence[Withdrawal]:
        """Requests to take collateral back."""

    async def withdrawal(self, request_id: str) -> Withdrawal | None:
        """One of them; None if there is none."""

    async def cancel_withdrawal(self, request_id: str) -> MoveOutcome:
        """Take a request back; the same again is the same."""

    async def snapshot(
        self, until: int, currencies: Sequence[str], *, use_future_transfers: bool
    ) -> Sequence[Snapshot]:
        """Unsettled positions by the transactions before `until`."""

    async def activity(self, query: ActivityQuery, offset: int, limit: int) -> Sequence[Activity]:
        """The fill legs and transfers that make up unsettled positions."""


class TradingAccount(Protocol):
    """The books of an account that trades, Spot or PTS."""

    async def balances(self) -> Sequence[AssetBalance]:
        """What a Spot account holds; never asked of a PTS account."""

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        """Trades of the connection's own kind: funded on Spot, margin on PTS. `limit`: rows to ask for."""

    @property
    def margin(self) -> MarginAccount | None:
        """The margin side; None on a Spot account."""


@runtime_checkable
class CreditAccount(Protocol):
    """What the books of a PTS account have besides, where its credit is one line over all assets."""

    async def credit_line(self) -> CreditLine:
        """The line as it stands. Never asked for admission."""

    async def positions(self) -> Sequence[Position]:
        """What the account holds of each asset, signed: bought on credit, or owed."""


class CustodyAccount(Protocol):
    """An account in custody: it is looked at and never trades. An instance belongs to one event loop."""

    @property
    def connection(self) -> Connection:
        """Who this is."""

    def health(self) -> Health:
        """Its condition now."""

    async def balances(self, cursor: str | None, limit: int) -> WalletPage:
        """A page of wallets' balances; `limit` counts wallets. A cursor that is refused is a `ValueError`."""

    async def wallets(self, cursor: str | None, limit: int) -> tuple[Sequence[Wallet], str | None]:
        """A page of wallets, and the cursor of the next."""

    async def wallet(self, wallet_id: str) -> Wallet | None:
        """One wallet; None if there is none."""

    async def transactions(
        self, wallet: Wallet, cursor: str | None, limit: int, *, since: int | None, until: int | None
    ) -> TransactionPage:
        """A page of a wallet's movements; `since` inclusive, `until` exclusive."""

    async def transaction(self, wallet: Wallet, transaction_id: str) -> Transaction | None:
        """One movement; None if there is none."""

    async def run(self, listener: VenueListener) -> None:
        """Keep the connection probed until cancelled."""


class ConnectionTestError(Exception):
    """A connection failed its test at the counterparty.

    `code`: `credentials_refused`, `scope_missing`, `account_not_found`, `margin_not_enabled` or
    `wrong_account_type`; `detail` says what was expected and what came, without any secret.
    """

    def __init__(self, code: Code, detail: str, venue_error: VenueError | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.venue_error = venue_error


class AccountEntry(msgspec.Struct, frozen=True):
    """A connection with the books behind it: `trading` or `custody`, whichever it is.

    `settling_window_ns`: a move in doubt that shows no trace this long after it was sent was never taken.
    """

    connection: Connection
    type: str
    enabled: bool
    trading: TradingAccount | None
    custody: CustodyAccount | None
    settling_window_ns: int = 30_000_000_000


class Roster(Protocol):
    """Every connection that there is now, those of the settings and those that were added since."""

    def entries(self) -> Sequence[AccountEntry]:
        """All of them, in the order of their ids' making: the settings' first."""

    def entry(self, connection_id: str) -> AccountEntry | None:
        """One of them."""
