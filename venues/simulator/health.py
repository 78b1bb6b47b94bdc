"""How a margin account stands, worked out at every tick, fill and change; and its liquidation.

    healthy <--> margin call        by the ratio of requirement to balance
        |            |
        +------------+--> liquidation --> healthy
                             |
          asked off, or healthy again before closing began: as the ratio says

Source: seed "View Risk Settings and Profile": at the liquidation threshold "BitGo automatically closes all
your positions at the best available rate".  What is left open there and done here: the closing begins a
settable while after the ratio was reached, is called off if the account recovers before that, cancels the
account's working margin orders first, and once begun goes on until nothing is open.
"""

from .account import Account
from .desk import Desk
from .margin import Liquidation
from .market import Product
from .money import ZERO
from .world import World

# A timer of no length at all would spin while a book is empty.
_STEP_MS_MIN = 1


class Health:
    """Keeps watch over margin accounts, and closes those that have to be closed."""

    def __init__(self, world: World, desk: Desk) -> None:
        self._world = world
        self._desk = desk
        # The user in whose name the counterparty itself trades.
        self.user_id = world.ids.fixed("user", "counterparty")
        desk.prices_moved = self.look
        desk.traded = self.look_after_trade

    def look_after_trade(self, account: Account) -> None:
        """Work out the limits again after an execution: what it breached blocks the next trade."""
        account.margin.blocked = account.margin.violation(self._world.marks(account))
        self.look(account)

    def look(self, account: Account) -> None:
        """Work out where the account stands; one that breaches nothing is blocked no longer."""
        margin = account.margin
        if not margin.positions and margin.liquidation is None:
            return
        mark = self._world.marks(account)
        if margin.blocked is not None:
            margin.blocked = margin.violation(mark)
        used = margin.utilisation(mark) or ZERO
        called = used > 0 and used >= margin.risk.margin_call
        if called and not margin.called:
            margin.margin_calls += 1
        margin.called = called
        current = margin.liquidation
        if used > 0 and used >= margin.risk.liquidation:
            if current is None:
                self.begin(account)
        elif current is not None and not current.begun and not current.forced:
            margin.liquidation = None

    def begin(self, account: Account, *, forced: bool = False, closes: bool = True) -> None:
        """Put the account in liquidation; `forced` lasts until it is closed or ended, whatever the ratio."""
        liquidation = Liquidation(forced=forced, closes=closes)
        account.margin.liquidation = liquidation
        account.margin.liquidations += 1
        if closes:
            self._later(account, liquidation)

    def end(self, account: Account) -> None:
        """Take the account out of liquidation; it goes back in at once if its ratio says so."""
        account.margin.liquidation = None
        self.look(account)

    def close_now(self, account: Account) -> None:
        """Close what is open in a liquidation without waiting; nothing is done out of one."""
        if account.margin.liquidation is not None:
            self._close(account, account.margin.liquidation)

    def _later(self, account: Account, liquidation: Liquidation) -> None:
        wait_ms = max(account.margin_file.liquidation_step_ms, _STEP_MS_MIN)
        self._world.timers.after(wait_ms / 1000, lambda: self._close(account, liquidation))

    def _close(self, account: Account, liquidation: Liquidation) -> None:
        margin = account.margin
        if margin.liquidation is not liquidation:
            return
        liquidation.begun = True
        self._desk.end_margin_orders(account, self.user_id)
        for asset in margin.open_assets():
            product = self._world.dollar_product(asset)
            if product is not None and self._has_depth(account, product):
                self._desk.close_out(account, product, self.user_id)
        if any(self._world.dollar_product(asset) is not None for asset in margin.open_assets()):
            self._later(account, liquidation)
            return
        margin.liquidation = None
        self.look(account)

    def _has_depth(self, account: Account, product: Product) -> bool:
        """Whether there is anything to trade with: an empty book would get an order at every step."""
        book = self._world.book(account, product)
        levels = book.bids if account.margin.quantity(product.base) > 0 else book.asks
        return any(level.size > 0 for level in levels)
