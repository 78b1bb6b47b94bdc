"""All that is simulated, in one place: accounts, products, ids, counters, timers."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random

from .account import Account, account_from
from .clock import Timers, parse_time
from .coinbase.portfolio import Portfolios
from .custody.users import Users
from .generated import GeneratedTrades
from .ids import Ids
from .market import USD_LIKE, Book, Product, product_from
from .money import ONE, ZERO
from .series import series
from .settings import AccountSettings, Settings


class World:
    """The state of the simulation; it does no I/O."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ids = Ids(settings.seed)
        self.timers = Timers()
        self.counters: Counter[str] = Counter()
        self.draws = Random(f"{settings.seed}:algo")
        self.products: dict[str, Product] = {
            one.name: product_from(one, settings.seed) for one in settings.products
        }
        enterprise_id = self.ids.fixed("enterprise", "")
        self.accounts: dict[str, Account] = {
            one.id: account_from(
                one,
                settings.seed,
                settings.server.requests_per_second,
                self.ids.fixed("user", one.token),
                enterprise_id,
            )
            for one in settings.accounts
        }
        for one in settings.accounts:
            self._remember(one)
        self.custody = Users(settings.custody, settings.seed)
        self.coinbase = Portfolios(
            settings.coinbase, settings.coinbase_address, self.products, self.ids, settings.seed
        )
        # A token may have access to several accounts (bitgo-notes: "several accounts may share a socket").
        self.by_token: dict[str, list[Account]] = {}
        for account in self.accounts.values():
            self.by_token.setdefault(account.token, []).append(account)

    def _remember(self, settings: AccountSettings) -> None:
        """Give an account the trades that it had before the simulation began."""
        if settings.trades_generated == 0:
            return
        account = self.accounts[settings.id]
        until = parse_time(settings.trades_generated_until)
        account.history.settlements.standing = until
        account.history.generated = GeneratedTrades(
            account.id,
            list(self.products.values()),
            series(
                settings.trades_generated,
                until,
                settings.trades_generated_days,
                f"{self.settings.seed}:history:{account.id}",
            ),
            funded=settings.funded,
            margin=settings.margin,
        )

    @property
    def minute_s(self) -> float:
        """How long a minute of an order's duration lasts, in seconds."""
        return self.settings.server.minute_ms / 1000

    def book(self, account: Account, product: Product) -> Book:
        """Give the account's present book."""
        return account.maker.book(product)

    def mid(self, account: Account, product: Product) -> Decimal:
        """Give the middle of the account's book, or of the walk where the book has an empty side."""
        mid = self.book(account, product).mid()
        return mid if mid is not None else product.mid

    def mark(self, account: Account, asset: str) -> Decimal:
        """Give an asset's price in dollars: one for a dollar, zero for what trades against none."""
        if asset in USD_LIKE:
            return ONE
        product = self.dollar_product(asset)
        return self.mid(account, product) if product is not None else ZERO

    def marks(self, account: Account) -> Callable[[str], Decimal]:
        """Give the function that prices an asset in dollars for this account."""
        return lambda asset: self.mark(account, asset)

    def dollar_product(self, asset: str) -> Product | None:
        """Give the product in which an asset trades against a dollar, or None."""
        for product in self.products.values():
            if product.base == asset and product.quote in USD_LIKE:
                return product
        return None
