"""Orders whose heads are known: let in, placed and answered without a request of aiohttp's."""

from router.http.context import Context
from router.http.handlers import order_answer, order_wanted
from router.http.refusals import OVERLOADED, refusal


class OrderLane:
    """Implements `connection.Lane` over the desk, for `POST /v1/orders`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = context.gate

    def refuse(self) -> bytes | None:
        """Let one more order in, and None; or the answer that says that the router is overloaded."""
        return None if self._gate.enter() else OVERLOADED.encoded(self._context.now())

    async def answer(self, raw: bytes) -> bytes:
        """Place the order of a body; whatever is raised is answered as a problem."""
        context = self._context
        try:
            submission = await context.desk.submit(order_wanted(context, raw))
            answer = order_answer(context.desk, submission)
        except Exception as error:  # noqa: BLE001 - the seam: whatever it was, the caller gets a problem
            answer = refusal(error, context, "POST", "/v1/orders")
        finally:
            self._gate.leave()
        return answer.encoded(context.now())
