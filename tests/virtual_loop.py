"""An event loop whose time is a number: it waits for nothing, and jumps to the next timer when it is idle.

A settling window of 30 s takes microseconds, and a schedule is the same each time it runs: nothing depends on
how busy the machine is. What cannot end is an error and no hang: a loop with nothing to run and no timer is a
`DeadlockError` that names who waits for what; one that only turns its timers over is a `TimeLimitError`.

    @in_virtual_time
    async def test_something() -> None: ...

or `run(main())`, which also fails for what a test would else not see: tasks that were left behind, and
errors that the loop was told of because nobody else was there (an exception in a callback, one in a task
whose result nobody took).
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

EPOCH_NS = 1_750_000_000_000_000_000
"""What the wall says when a loop is made: nanoseconds since the epoch, June 2025."""
LIMIT_S = 24 * 3600.0


class DeadlockError(AssertionError):
    """Nothing can run and no timer is set: whoever waits, waits for ever."""


class TimeLimitError(AssertionError):
    """The main task was not done within the virtual time that it was given."""


class LeftoverError(AssertionError):
    """The main task ended, and something that it began did not, or failed without anybody's notice."""


class _Selector(selectors.BaseSelector):
    """Never waits: what it was asked to wait for, it adds to the loop's time."""

    def __init__(self) -> None:
        self._keys: dict[int, selectors.SelectorKey] = {}
        self.idle: Callable[[float | None], None] = lambda _timeout: None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.idle(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop in virtual time; `limit_s`: how far its time may go."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.elapsed_ns = 0
        self.unnoticed: list[dict[str, Any]] = []
        self._limit_ns = round(limit_s * 1e9)
        selector = _Selector()
        selector.idle = self._idle
        super().__init__(selector)
        self.set_exception_handler(lambda _loop, context: self.unnoticed.append(context))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.elapsed_ns / 1e9

    def now(self) -> int:
        """The wall's time: nanoseconds since the epoch."""
        return EPOCH_NS + self.elapsed_ns

    def _idle(self, timeout: float | None) -> None:
        if timeout is None:
            raise DeadlockError(f"nothing can run and no timer is set; waiting:\n{_waiting(self)}")
        # To the nanosecond above, so that the timer which is waited for is due.
        self.elapsed_ns += int(timeout * 1e9) + 1
        if self.elapsed_ns > self._limit_ns:
            raise TimeLimitError(
                f"expected an end within {self._limit_ns / 1e9:g} s of virtual time; "
                f"waiting:\n{_waiting(self)}"
            )


class LoopClock:
    """`router.ports.Clock` on the running virtual loop: timers and records read one time."""

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError(f"expected to run on a VirtualLoop, was {type(loop).__name__}")
        return loop.now()


def run(main: Coroutine[Any, Any, T], *, limit_s: float = LIMIT_S) -> T:
    """Run a coroutine to its end on a loop of its own, in virtual time.

    Raises what it raises, `DeadlockError`, `TimeLimitError`, and `LeftoverError` where it left tasks or
    errors behind.
    """
    loop = VirtualLoop(limit_s)
    try:
        result = loop.run_until_complete(main)
        left = _waiting(loop)
        _cancel_all(loop)
        if left:
            raise LeftoverError(f"expected no task to outlive the main one, were:\n{left}")
        if loop.unnoticed:
            first = loop.unnoticed[0]
            raise LeftoverError(f"an error nobody took: {first['message']}") from first.get("exception")
        return result
    finally:
        try:
            _cancel_all(loop)
        finally:
            loop.close()


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test function of a coroutine function: each call runs on a virtual loop of its own."""

    @functools.wraps(test)
    def runs(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    return runs


def _waiting(loop: VirtualLoop) -> str:
    """Every task that is not done, a line each: its name, its coroutine and the line it stands at."""
    return "\n".join(sorted(_place(task) for task in asyncio.all_tasks(loop)))


def _place(task: "asyncio.Task[Any]") -> str:
    coroutine: Any = task.get_coro()
    name = getattr(coroutine, "__qualname__", repr(coroutine))
    inner = coroutine
    while getattr(inner, "cr_await", None) is not None and hasattr(inner.cr_await, "cr_frame"):
        inner = inner.cr_await
    frame = getattr(inner, "cr_frame", None)
    where = (
        "" if frame is None else f" at {frame.f_code.co_filename}:{frame.f_lineno} in {inner.__qualname__}"
    )
    return f"  {task.get_name()}: {name}{where}"


def _cancel_all(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())


async def pass_time(seconds: float) -> None:
    """Let virtual time pass, and with it whatever happens in it."""
    await asyncio.sleep(seconds)
