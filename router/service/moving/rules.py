"""What is checked of a move before it is accepted: its currency and quantity, as far as rules are known."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from router.core.errors import FieldError, InvalidRequestError, shown
from router.core.money import format_amount, is_multiple
from router.core.movement import Move, MoveKind
from router.ports import Clock, VenueUnreachableError
from router.ports.accounts import MarginAccount

READ_WITHIN_S: Final = 2.0
"""How long a move waits for the list of currencies: the counterparty checks them itself."""
AGE_MAX_NS: Final = 600_000_000_000
"""How old the list may be: a request spent on it is one that an order cannot have."""


class CollateralRules:
    """The currencies that counterparties take as collateral, read when they are needed and kept a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[int, Mapping[str, Decimal | None]]] = {}

    async def check(self, connection_id: str, account: MarginAccount, move: Move) -> None:
        """Refuse what the counterparty would. Raises `InvalidRequestError`, naming the field.

        Where the list cannot be read now, nothing is refused here.
        """
        if move.currency is None or move.quantity is None:
            return
        increments = await self._increments(connection_id, account)
        if increments is None:
            return
        if move.currency not in increments:
            # What was taken once can be given back, and what no collateral is can be a position.
            if move.kind is MoveKind.COLLATERAL_TRANSFER:
                listed = ", ".join(sorted(increments))
                raise InvalidRequestError(FieldError("currency", f"one of {listed}", shown(move.currency)))
            return
        increment = increments[move.currency]
        if increment is not None and not is_multiple(move.quantity, increment):
            expected = f"a multiple of {format_amount(increment)}"
            raise InvalidRequestError(FieldError("quantity", expected, shown(format_amount(move.quantity))))

    async def _increments(
        self, connection_id: str, account: MarginAccount
    ) -> Mapping[str, Decimal | None] | None:
        known = self._known.get(connection_id)
        if known is not None and self._clock.now() - known[0] <= AGE_MAX_NS:
            return known[1]
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                listed = await account.collateral_currencies()
        except (VenueUnreachableError, TimeoutError):
            return None
        increments = {currency.asset: currency.increment for currency in listed}
        if not increments:
            return None
        self._known[connection_id] = (self._clock.now(), increments)
        return increments
