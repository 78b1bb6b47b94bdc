"""A run as it goes, on stderr: a line in place on a terminal, a line every few seconds elsewhere."""

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live as InPlace
from rich.text import Text

from router.cli.paper import marks_of
from router.load.outcomes import Verdict
from router.load.plan import Plan
from router.load.recording import Window
from router.load.wording import latency

SECONDS_A_LINE: Final = 5

_ERRORS: Final = (Verdict.REFUSED, Verdict.SHED, Verdict.FAILED, Verdict.UNANSWERED, Verdict.NEVER_SENT)


class Live:
    """Shows each second of a run; the counts of what was not taken are of the run so far."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console = console
        self._marks = marks_of(console)
        self._plan = plan
        self._errors = dict.fromkeys(_ERRORS, 0)
        self._seconds = 0
        self._in_place = (
            InPlace(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        """Take a line of the terminal."""
        if self._in_place is not None:
            self._in_place.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._in_place is not None:
            self._in_place.stop()

    def show(self, second: Window) -> None:
        """A second of the run is over."""
        for verdict in _ERRORS:
            self._errors[verdict] += second.verdicts.get(verdict.value, 0)
        self._seconds += 1
        if self._in_place is not None:
            self._in_place.update(self._line(second), refresh=True)
        elif self._seconds % SECONDS_A_LINE == 0:
            self._console.print(self._line(second), soft_wrap=True)

    def _line(self, second: Window) -> Text:
        length_s = max(1e-9, second.to_s - second.from_s)
        silent = (Verdict.UNANSWERED.value, Verdict.NEVER_SENT.value)
        done = sum(count for verdict, count in second.verdicts.items() if verdict not in silent)
        parts = [
            f"{second.to_s:.0f}/{self._plan.duration_s:g} s {self._stage(second)}",
            f"{(second.due + second.followed) / length_s:.0f}/s asked",
            f"{done / length_s:.0f}/s done",
            f"{second.in_flight} under way" + (f", {second.waiting} waiting" if second.waiting else ""),
            f"p50 {latency(second.p50_us, self._marks.micro)}",
            f"p99 {latency(second.p99_us, self._marks.micro)}",
        ]
        line = Text(f" {self._marks.dot} ".join(parts))
        errors = [f"{count} {verdict.replace('_', ' ')}" for verdict, count in self._errors.items() if count]
        line.append(f" {self._marks.dot} ").append(", ".join(errors) or "no errors", "red" if errors else "")
        return line

    def _stage(self, second: Window) -> str:
        """The stage that the middle of a second is in."""
        left_s = (second.from_s + second.to_s) / 2
        for stage in self._plan.stages:
            left_s -= stage.duration_s
            if left_s < 0:
                return stage.name
        return "answers"
