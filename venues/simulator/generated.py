"""Trades that were there before the simulation began: each follows from its index, none is kept."""

from datetime import datetime, timedelta
from decimal import Decimal

from .market import Product
from .money import floor_to
from .orders import Trade
from .series import IdRange, Pick, Series, from_us, is_special, mix
from .settlement import is_test

# An account that trades both ways has one margin trade in so many; one that trades one way has only those.
_MARGIN_STEP = 4
# A trade is in the counterparty's books a little later than it was made (PrimeTrade, example).
_BOOKED_AFTER = timedelta(seconds=6)
_QUANTITY_STEPS = 10_000_000


class GeneratedTrades:
    """The generated trades of one account, one trade to an order."""

    def __init__(
        self, account_id: str, products: list[Product], series: Series, *, funded: bool, margin: bool
    ) -> None:
        """Take products that settle if there are any: test orders never do."""
        settling = [product for product in products if not is_test(product.name)]
        self.series = series
        self.never_settle = not settling
        self._products = settling or products
        self._mixed = funded and margin
        self._single = "margin" if margin and not funded else "funded"
        self._trade_ids = IdRange(f"{series.seed}:trade:{account_id}")
        self._order_ids = IdRange(f"{series.seed}:order:{account_id}")

    def pick(self, funding: str | None) -> Pick:
        """Give which rows have a funding type."""
        if funding is None:
            return Pick(_MARGIN_STEP)
        if self._mixed:
            return Pick(_MARGIN_STEP, special=funding == "margin")
        # A step of one makes every row special: all of them, or none.
        return Pick(1, special=funding == self._single)

    def product(self, index: int) -> Product:
        """Give the product that a row traded."""
        return self._products[mix(self.series.seed, 3 * index) % len(self._products)]

    def trade(self, index: int) -> Trade:
        """Build a row."""
        product = self.product(index)
        drawn = mix(self.series.seed, 3 * index + 1)
        settings = product.settings
        # Within a twentieth of the product's middle price.
        price = floor_to(Decimal(settings.mid) * (9_500 + drawn % 1_001) / 10_000, product.tick)
        steps = 1 + (drawn >> 16) % _QUANTITY_STEPS
        quantity = min(
            max(product.base_increment * steps, Decimal(settings.base_min_size)),
            Decimal(settings.base_max_size),
        )
        price = max(price, product.tick)
        time = from_us(self.series.time_us(index))
        margin = is_special(index, _MARGIN_STEP) if self._mixed else self._single == "margin"
        return Trade(
            id=self._trade_ids.uuid(index),
            order_id=self._order_ids.uuid(index),
            time=time,
            product=product.name,
            side="buy" if drawn >> 63 else "sell",
            price=price,
            quantity=quantity,
            quote_quantity=price * quantity,
            funding="margin" if margin else "funded",
            created=time + _BOOKED_AFTER,
        )

    def index(self, trade_id: str) -> int | None:
        """Give the row with a trade's id; None if there is none, or if it is hidden."""
        index = self._trade_ids.index(trade_id)
        return None if index is None or self._absent(index) or self.series.hides(index) else index

    def index_of_order(self, order_id: str) -> int | None:
        """Give the row with an order's id, also if its trade is hidden."""
        index = self._order_ids.index(order_id)
        return None if index is None or self._absent(index) else index

    def hide(self, trade_id: str) -> None:
        """Leave a row out from here on; its order stays."""
        index = self.index(trade_id)
        if index is not None:
            self.series.hide(index)

    def traded_at(self, booked: datetime | None) -> datetime | None:
        """Give when a trade was made that was booked at a time."""
        return booked - _BOOKED_AFTER if booked is not None else None

    def _absent(self, index: int) -> bool:
        return index >= self.series.count
