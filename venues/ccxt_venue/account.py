"""The books of one account at an exchange: `router.ports.accounts.TradingAccount`."""

import msgspec

from router.core.account import AssetBalance, TradePage, TradeWindow, VenueTrade
from router.ports import Lane
from venues.ccxt_venue.client import Client


class CcxtAccount:
    """Reads what the account holds and has traded. An instance belongs to one event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def margin(self) -> None:
        """None: an exchange is traded on with what is there."""
        return

    async def balances(self) -> list[AssetBalance]:
        """What the account holds."""
        remote = self._client.remote
        return await self._client.read("account_balances", remote.balances, Lane.REST, scored=False)

    async def trades(self, window: TradeWindow, offset: int, limit: int) -> TradePage:
        """Trades of the account; what is outside the window is left out here, whatever the exchange does."""
        remote = self._client.remote
        page = await self._client.read(
            "account_trades",
            lambda: remote.trades(window.since, offset, limit),
            Lane.REST,
            scored=False,
        )
        kept = tuple(trade for trade in page.data if _within(trade, window))
        return msgspec.structs.replace(page, data=kept)


def _within(trade: VenueTrade, window: TradeWindow) -> bool:
    if window.venue_order_id is not None and trade.venue_order_id != window.venue_order_id:
        return False
    return (window.since is None or trade.at >= window.since) and (
        window.until is None or trade.at < window.until
    )
