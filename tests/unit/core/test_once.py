"""What is reckoned once stands beside the fields: nobody who copies, compares or encodes a struct sees it."""

from decimal import Decimal

import msgspec

from router.core.model import OrderRequest
from router.core.once import Once
from router.core.routing import Terms
from tests.unit import build

D = Decimal


class Counted(msgspec.Struct, frozen=True, dict=True):
    """Tells in a list each time that it reckons."""

    size: int
    told: list[int]

    @Once
    def double(self) -> int:
        """Twice the size."""
        self.told.append(self.size)
        return 2 * self.size


def test_it_is_reckoned_when_it_is_first_asked_for_and_never_again() -> None:
    counted = Counted(2, [])
    assert counted.told == []

    assert [counted.double, counted.double] == [4, 4]
    assert counted.told == [2]


def test_a_changed_copy_reckons_anew() -> None:
    counted = Counted(2, [])
    assert counted.double == 4

    assert msgspec.structs.replace(counted, size=5).double == 10


def test_who_encodes_or_compares_sees_the_fields_alone() -> None:
    asked, untouched = build.request(), build.request()
    assert asked.in_base

    assert asked == untouched
    assert hash(asked) == hash(untouched)
    assert msgspec.json.encode(asked) == msgspec.json.encode(untouched)
    assert msgspec.json.decode(msgspec.json.encode(asked), type=OrderRequest) == untouched


def test_what_connections_products_and_terms_reckon() -> None:
    terms = Terms(D(50))

    assert str(build.connection(fee_bps="10").with_fee) == "1.0010"
    assert build.product(price_increment=D("0.05")).tick_decimals == 2
    assert build.product(price_increment=D(10)).tick_decimals == 0
    assert (str(terms.worst_buy), str(terms.worst_sale)) == ("1.0050", "0.9950")
    assert not build.request(quantity_currency="USD").in_base
    # A currency that the other's name begins with is another.
    assert not build.request(product="BTCX-BTC", quantity_currency="BTC").in_base
