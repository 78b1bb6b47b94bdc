"""Custody users: who has which wallets, what each wallet's transfers are, and the log of calls."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from random import Random

from venues.simulator import clock
from venues.simulator.account import LOG_MAX, LoggedCall
from venues.simulator.clock import parse_time
from venues.simulator.custody.model import Holding, Transfer, Wallet, holding
from venues.simulator.custody.settings import CustodySettings, TransferSettings, WalletSettings
from venues.simulator.custody.transfers import TransferBook
from venues.simulator.faults import Faults
from venues.simulator.ids import Ids
from venues.simulator.limiter import Window
from venues.simulator.series import IdRange, Series, from_us, mix, series

_MINUTE_S = 60.0
# How many decimals give a generated balance its size: that of the coins whose amounts do not fit 53 bits.
_LARGE = {"eth": 18, "hteth": 18, "near": 24}
_TOKENS_OF = {"eth": ("usdc", "usdt"), "hteth": ("terc",), "sol": ("sol:usdc",)}


class User:
    """One user; the wallets of the settings come first, then the generated ones."""

    def __init__(self, settings: CustodySettings, seed: int) -> None:
        self.id = settings.id
        self.token = settings.token
        self.settings = settings
        self._seed = f"{seed}:custody:{settings.id}"
        self._draws = Random(self._seed)
        self.enterprise = settings.enterprise or self.draw_id()
        self.faults = Faults(settings.faults.as_set(), Random(f"{self._seed}:faults"))
        self.window = Window(settings.requests_per_minute, _MINUTE_S)
        self.log: deque[LoggedCall] = deque(maxlen=LOG_MAX)
        self._until = parse_time(settings.generated_until)
        self._range = IdRange(f"{self._seed}:wallets")
        self._spread = series(
            max(settings.wallets_generated, 1), self._until, settings.generated_days, f"{self._seed}:spread"
        )
        self._kept: list[Wallet] = []
        self._places: dict[str, int] = {}
        # Generated wallets that were changed, by index.
        self._touched: dict[int, Wallet] = {}
        self._books: dict[str, TransferBook] = {}
        for wallet in settings.wallets:
            self.add_wallet(wallet)

    def draw_id(self) -> str:
        """Draw the id of a wallet, a transfer or an enterprise: 32 hexadecimal digits."""
        return f"{self._draws.getrandbits(128):032x}"

    def __len__(self) -> int:
        """How many wallets there are."""
        return len(self._kept) + self.settings.wallets_generated

    def wallets(self, start: int = 0) -> Iterator[Wallet]:
        """Give the wallets from a place on."""
        for place in range(start, len(self)):
            yield self._at(place)

    def place(self, wallet_id: str) -> int | None:
        """Give the place of a wallet; None if there is none of that id."""
        place = self._places.get(wallet_id)
        if place is not None:
            return place
        index = self._range.index(wallet_id)
        if index is None or index >= self.settings.wallets_generated:
            return None
        return len(self._kept) + index

    def wallet(self, wallet_id: str) -> Wallet | None:
        """Give a wallet; None if there is none of that id."""
        place = self.place(wallet_id)
        return None if place is None else self._at(place)

    def touch(self, wallet: Wallet) -> None:
        """Keep a wallet that is about to be changed."""
        index = self._range.index(wallet.id)
        if index is not None and wallet.id not in self._places:
            self._touched[index] = wallet

    def book(self, wallet: Wallet) -> TransferBook:
        """Give the transfers of a wallet; a generated wallet's are kept only once one was changed."""
        kept = self._books.get(wallet.id)
        if kept is not None:
            return kept
        return TransferBook(wallet.id, wallet.coin, self._transfers(wallet.id, self._generated(wallet)))

    def keep_book(self, wallet: Wallet) -> TransferBook:
        """Give the transfers of a wallet, to be changed."""
        return self._books.setdefault(wallet.id, self.book(wallet))

    def add_wallet(self, settings: WalletSettings) -> Wallet:
        """Take a wallet in."""
        wallet = Wallet(
            id=settings.id or self.draw_id(),
            coin=settings.coin,
            label=settings.label,
            type=settings.type,
            sub_type=settings.sub_type,
            enterprise=self.enterprise,
            started=self._until,
            deleted=settings.deleted,
            holding=holding(settings.balance, settings.confirmed, settings.spendable),
            tokens={
                token: holding(one.balance, one.confirmed, one.spendable)
                for token, one in settings.tokens.items()
            },
        )
        self._places[wallet.id] = len(self._kept)
        self._kept.append(wallet)
        made = self._transfers(wallet.id, settings.transfers_generated)
        self._books[wallet.id] = TransferBook(wallet.id, wallet.coin, made)
        for transfer in settings.transfers:
            self.add_transfer(wallet, transfer, self._until)
        return wallet

    def add_transfer(
        self, wallet: Wallet, settings: TransferSettings, otherwise: datetime | None = None
    ) -> Transfer:
        """Take a transfer in; `otherwise` is its date if it has none, else the present moment."""
        when = parse_time(settings.date) if settings.date is not None else otherwise or clock.now()
        name = settings.id or self.draw_id()
        drawn = self._draws.getrandbits(256)
        transfer = Transfer(
            id=name,
            wallet_id=wallet.id,
            coin=settings.coin or wallet.coin,
            fee_coin=wallet.coin,
            type=settings.type,
            value=int(settings.value),
            fee=int(settings.fee),
            state=settings.state,
            date=when,
            times={"created": when, settings.state: when},
            drawn_txid=settings.txid or f"{drawn:064x}",
            address=settings.address or f"simulated-{drawn % 1_000:03d}",
            comment=settings.comment,
            sequence_id=settings.sequence_id,
        )
        self.keep_book(wallet).keep(transfer)
        return transfer

    def _at(self, place: int) -> Wallet:
        if place < len(self._kept):
            return self._kept[place]
        index = place - len(self._kept)
        return self._touched.get(index) or self._build(index)

    def _generated(self, wallet: Wallet) -> int:
        return 0 if wallet.id in self._places else self.settings.transfers_generated

    def _transfers(self, wallet_id: str, count: int) -> Series | None:
        if count == 0:
            return None
        return series(count, self._until, self.settings.generated_days, f"{self._seed}:{wallet_id}")

    def _build(self, index: int) -> Wallet:
        coins = self.settings.generated_coins
        coin = coins[index % len(coins)]
        drawn = mix(self._spread.seed, index)
        return Wallet(
            id=self._range.hexadecimal(index),
            coin=coin,
            label=f"Generated {index + 1:05d}",
            type="custodial",
            sub_type=None,
            enterprise=self.enterprise,
            started=from_us(self._spread.time_us(index)),
            deleted=False,
            holding=_drawn_holding(coin, drawn),
            tokens={
                token: _drawn_holding(token, mix(drawn, place))
                for place, token in enumerate(_TOKENS_OF.get(coin, ()))
            },
        )


class Users:
    """All custody users, by id and by token."""

    def __init__(self, settings: list[CustodySettings], seed: int) -> None:
        self.by_id: dict[str, User] = {one.id: User(one, seed) for one in settings}
        self.by_token: dict[str, User] = {user.token: user for user in self.by_id.values()}
        self.ids = Ids(seed)


def _drawn_holding(coin: str, drawn: int) -> Holding:
    """Give up to a thousand coins, a tenth of which cannot be spent; one wallet in sixteen is empty."""
    if drawn % 16 == 0:
        return Holding(0, 0, 0)
    # The draw is stretched to the coin's digits, so that the last ones are not all zero.
    balance = drawn * drawn % (1_000 * 10 ** _LARGE.get(coin, 8))
    return Holding(balance, balance, balance - balance // 10)
