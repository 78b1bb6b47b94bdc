"""The Coinbase Prime part of the settings: portfolios, their keys, money, prices, credit and faults."""

import re
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from venues.simulator.coinbase.fault_model import PrimeFaultSet
from venues.simulator.money import AMOUNT_PATTERN

Amount = Annotated[str, Meta(pattern=rf"\A{AMOUNT_PATTERN}\Z")]
SignedAmount = Annotated[str, Meta(pattern=rf"\A-?{AMOUNT_PATTERN}\Z")]
Symbol = Annotated[str, Meta(pattern=r"\A[A-Z0-9.:]{1,24}\*?\Z")]
ProductName = Annotated[str, Meta(pattern=r"\A[A-Z0-9.:]{1,24}\*?-[A-Z0-9.:]{1,24}\*?\Z")]
# Four digits and two: a fee of a thousandth of a basis point would need more digits than amounts here have.
FeeBps = Annotated[str, Meta(pattern=r"\A[0-9]{1,4}(\.[0-9]{1,2})?\Z")]
Secret = Annotated[str, Meta(pattern=r"\A[\x21-\x7e]{1,512}\Z")]
Slug = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]
DelayMs = Annotated[int, Meta(ge=0, le=3_600_000)]
# "Defaults to 3000 ms if not specified. Maximum allowed value is 30000 ms" (Create Quote Request).
QUOTE_DURATION_MS_MAX = 30_000
QuoteMs = Annotated[int, Meta(ge=1, le=QUOTE_DURATION_MS_MAX)]
Reason = Annotated[str, Meta(max_length=200)]
# In what credit can be stated: the amounts owed are valued in dollars.
_DOLLARS = re.compile(r"USD|USDC|USDT")


class CoinbaseProduct(Struct, forbid_unknown_fields=True, frozen=True):
    """A product of a portfolio; the sizes for quotes are the product's own unless given."""

    name: ProductName
    rfq: bool = True
    rfq_min_base: Amount | None = None
    rfq_max_base: Amount | None = None
    rfq_min_quote: Amount | None = None
    rfq_max_quote: Amount | None = None


class CreditSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A line of post-trade credit; `utilized` is what is used beside the portfolio's own trades."""

    enabled: bool = True
    limit: Amount = "0"
    utilized: Amount = "0"
    frozen: bool = False
    frozen_reason: Reason = ""
    currency: Symbol = "USD"


class AddressSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """The limit of an address, which all portfolios of a caller share."""

    requests_per_second: Rate = 100
    penalty_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 30_000


class CoinbaseSettings(Struct, forbid_unknown_fields=True, frozen=True):
    """A portfolio: who may use it, what it owns, how it quotes and how it fails."""

    portfolio_id: Slug
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    access_key: Secret
    passphrase: Secret
    signing_key: Secret
    balances: dict[Symbol, Amount] = {}
    products: Annotated[list[CoinbaseProduct], Meta(min_length=1, max_length=1_000)] | None = None
    price_offset_bps: SignedAmount = "0"
    spread_bps: Amount | None = None
    level_size: Amount | None = None
    fee_bps: FeeBps = "0"
    quote_duration_ms: QuoteMs = 3_000
    # How long the market makers think before one answers.
    quote_delay_ms: DelayMs = 0
    # "quote units are not yet supported" (RFQ), though the request has the field.
    quote_value_allowed: bool = False
    # Whether funds and credit are looked at when a quote is asked for, or only when it is accepted.
    funds_checked_at_quote: bool = False
    requests_per_second: Rate = 25
    burst: Rate = 50
    # Rows in a page of orders or fills without a `limit`: 100 as documented, fewer so that pages are tried.
    page_default: Annotated[int, Meta(ge=1, le=3_000)] = 100
    credit: CreditSettings | None = None
    faults: PrimeFaultSet = PrimeFaultSet()


def contradictions(portfolios: list[CoinbaseSettings], products: list[str]) -> list[str]:
    """Find what each key allows by itself but the Coinbase part as a whole does not."""
    wrong: list[str] = []
    for name, values in (
        ("portfolio_ids", [one.portfolio_id for one in portfolios]),
        # A key is a secret and is not repeated here.
        ("access_keys", [one.access_key for one in portfolios]),
    ):
        if len(set(values)) < len(values):
            wrong.append(f"coinbase: expected unique {name}, was one of them twice")
    for place, portfolio in enumerate(portfolios):
        key = f"coinbase[{place}]"
        for at, product in enumerate(portfolio.products or []):
            if product.name not in products:
                wrong.append(
                    f"{key}.products[{at}].name: expected the name of a product, was {product.name!r}"
                )
            wrong += _crossed_sizes(f"{key}.products[{at}]", product)
        credit = portfolio.credit
        if credit is not None and _DOLLARS.fullmatch(credit.currency) is None:
            wrong.append(f"{key}.credit.currency: expected USD, USDC or USDT, was {credit.currency!r}")
        wrong += [f"{key}.faults: {problem}" for problem in portfolio.faults.problems()]
    return wrong


def _crossed_sizes(key: str, product: CoinbaseProduct) -> list[str]:
    pairs = (
        ("rfq_min_base", product.rfq_min_base, "rfq_max_base", product.rfq_max_base),
        ("rfq_min_quote", product.rfq_min_quote, "rfq_max_quote", product.rfq_max_quote),
    )
    return [
        f"{key}.{low}: expected at most {high}, was {least!r}"
        for low, least, high, most in pairs
        if least is not None and most is not None and Decimal(least) > Decimal(most)
    ]
