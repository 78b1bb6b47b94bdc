"""What an order takes of a portfolio's money: balances first, and credit for what they do not cover."""

from decimal import Decimal

from venues.simulator.coinbase.credit import Mark
from venues.simulator.coinbase.errors import PrimeError
from venues.simulator.coinbase.model import Fill, PrimeOrder, with_fee
from venues.simulator.coinbase.portfolio import Portfolio
from venues.simulator.money import ZERO, ceil_to


def given_up(order: PrimeOrder, price: Decimal) -> tuple[str, Decimal]:
    """Give the asset and the amount that the rest of an order takes at this price, the fee of a buy in it."""
    base, quote = order.product.base, order.product.quote
    if order.new.side == "BUY":
        value = order.leaves if order.in_quote else order.leaves * price
        return quote, with_fee(value, "BUY", order.fee_bps)
    if order.in_quote:
        return base, ceil_to(order.leaves / price, order.product.base_increment)
    return base, order.leaves


def check(portfolio: Portfolio, asset: str, amount: Decimal, mark: Mark) -> None:
    """Refuse what neither the balance nor the credit line covers."""
    tradable = portfolio.wallet.tradable(asset)
    if portfolio.credit is not None:
        portfolio.credit.check(asset, max(amount - tradable, ZERO), mark)
    elif amount > tradable:
        raise PrimeError(f"Insufficient {asset} balance.")


def hold(portfolio: Portfolio, order_id: str, asset: str, amount: Decimal) -> None:
    """Set what an order holds, unchecked; zero lets it go."""
    release(portfolio, order_id)
    held = amount if portfolio.credit is None else min(amount, portfolio.wallet.tradable(asset))
    portfolio.wallet.rehold(order_id, asset, held)
    if portfolio.credit is not None:
        portfolio.credit.reserve(order_id, asset, amount - held)


def release(portfolio: Portfolio, order_id: str) -> None:
    """Let go what an order holds."""
    portfolio.wallet.rehold(order_id, "", ZERO)
    if portfolio.credit is not None:
        portfolio.credit.reserve(order_id, "", ZERO)


def close(portfolio: Portfolio, order_id: str) -> None:
    """Let go what an order held when it is over: what it gives back pays what is owed of the same asset."""
    release(portfolio, order_id)
    if portfolio.credit is not None:
        for asset in list(portfolio.credit.owed):
            tradable = portfolio.wallet.tradable(asset)
            portfolio.wallet.move(asset, portfolio.credit.repay(asset, tradable) - tradable)


def affords(portfolio: Portfolio, asset: str, amount: Decimal) -> bool:
    """Whether a balance covers it; a credit line was asked when the order was taken."""
    return portfolio.credit is not None or amount <= portfolio.wallet.tradable(asset)


def settle(portfolio: Portfolio, fill: Fill) -> None:
    """Move what a fill has moved; what its order held was let go before."""
    base, quote = fill.product.base, fill.product.quote
    if fill.side == "BUY":
        _debit(portfolio, quote, fill.value + fill.commission)
        _credit(portfolio, base, fill.quantity)
    else:
        _debit(portfolio, base, fill.quantity)
        _credit(portfolio, quote, fill.value - fill.commission)


def _debit(portfolio: Portfolio, asset: str, amount: Decimal) -> None:
    taken = amount if portfolio.credit is None else min(amount, portfolio.wallet.tradable(asset))
    portfolio.wallet.move(asset, -taken)
    if portfolio.credit is not None:
        portfolio.credit.owe(asset, amount - taken)


def _credit(portfolio: Portfolio, asset: str, amount: Decimal) -> None:
    left = amount if portfolio.credit is None else portfolio.credit.repay(asset, amount)
    if left > 0:
        portfolio.wallet.move(asset, left)
