"""Whether a well-formed order may trade: switches, sizes, precision.  Funds and margin are checked after it.

Source: bitgo-prime OpenAPI, POST orders, 400 and 409 examples; Product (sizes, increments, precision).  The
precedence is not published; a repeated client order id comes first, so that a re-send always finds out.
"""

from decimal import Decimal

from .account import Account
from .errors import INVALID_QUANTITY, QuantityDetail, RefusedError, invalid_argument
from .market import Product
from .money import decimals, is_multiple, to_wire
from .validate import NewOrder
from .world import World

_ALGOS = frozenset({"twap", "steady_pace"})


def admit(world: World, account: Account, new: NewOrder) -> Product:
    """Give the product that the order is for, or refuse the order."""
    if new.client_order_id is not None and new.client_order_id in account.orders_by_client_id:
        raise RefusedError("backend:common:inUse", key="clientOrderId")
    if account.trading_disabled:
        raise RefusedError("backend:trade:tradingDisabled")
    if not account.kyc_approved:
        raise RefusedError("backend:trade:KYCNotApproved")
    product = world.products.get(new.product)
    if product is None:
        raise RefusedError("backend:trade:unsupportedProduct")
    if product.trade_disabled:
        raise RefusedError("backend:trade:productTradingDisabled")
    if new.side in product.disabled_sides:
        raise RefusedError("backend:trade:productSideTradingDisabled")
    if new.type in _ALGOS and product.algo_disabled:
        raise RefusedError("backend:trade:productAlgoStrategyDisabled")
    if new.funding == "margin":
        if not (product.margin_supported and account.margin_allowed):
            raise RefusedError("backend:trade:productMarginTradingDisabled")
        account.faults.refuse_credit()
    elif not account.funded:
        raise invalid_argument("fundingType", "funded orders are not available to this account.")
    if new.currency not in {product.base, product.quote}:
        raise invalid_argument(
            "quantityCurrency", f"quantityCurrency must be {product.base} or {product.quote}."
        )
    _check_price(product, "limitPrice", new.limit_price)
    _check_price(product, "triggerPrice", new.trigger_price)
    _check_quantity(product, new.quantity, new.currency)
    if new.sub_order_size is not None:
        _check_quantity(product, new.sub_order_size, new.currency)
    return product


def _check_price(product: Product, field: str, price: Decimal | None) -> None:
    precision = product.settings.quote_display_precision
    if price is not None and decimals(price) > precision:
        name = (
            "backend:trade:invalidLimitPrice"
            if field == "limitPrice"
            else "backend:trade:invalidStopTriggerPrice"
        )
        raise RefusedError(
            name, key=field, message=f"{field} exceeds maximum decimal precision of {precision}"
        )


def _check_quantity(product: Product, quantity: Decimal, currency: str) -> None:
    settings = product.settings
    if currency == product.base:
        low, high, increment = settings.base_min_size, settings.base_max_size, product.base_increment
    else:
        low, high, increment = settings.quote_min_size, settings.quote_max_size, product.quote_increment
    minimum, maximum = Decimal(low), Decimal(high)
    detail = None
    if quantity <= 0 or quantity < minimum:
        detail = QuantityDetail(
            currency, f"Amount must be at least {to_wire(minimum)} {currency}.", minimum=minimum
        )
    elif quantity > maximum:
        detail = QuantityDetail(
            currency, f"Amount must be at most {to_wire(maximum)} {currency}.", maximum=maximum
        )
    elif not is_multiple(quantity, increment):
        detail = QuantityDetail(currency, f"Amount must be a multiple of {to_wire(increment)} {currency}.")
    if detail is not None:
        raise RefusedError(INVALID_QUANTITY, detail=detail)
