"""One JSON object to a line, whatever is in it."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from router.observe.logs import JsonLog, Line, make_log
from router.observe.sink import InStream


def written(**fields: object) -> list[dict[str, object]]:
    stream = io.BytesIO()
    make_log(stream).info("happened", **fields)
    return [json.loads(line) for line in stream.getvalue().decode().split("\n") if line]


def test_a_line_has_its_event_its_level_and_a_time_in_utc() -> None:
    (line,) = written(number=1)
    assert (line["event"], line["level"], line["number"]) == ("happened", "info", 1)
    assert str(line["timestamp"]).endswith("Z")


def test_what_a_counterparty_said_cannot_begin_a_line() -> None:
    (line,) = written(detail='no\n{"event": "forged"}\r\u2028')
    assert line["event"] == "happened"
    assert str(line["detail"]).startswith("no\n")


def test_amounts_are_strings_and_what_has_no_json_is_its_repr() -> None:
    (line,) = written(amount=Decimal("1.50"), thing={1, 2}.__class__, error=ValueError("x"))
    assert line["amount"] == "1.50"
    assert line["error"] == "ValueError('x')"


def test_text_that_no_encoding_has_is_written_all_the_same() -> None:
    (line,) = written(detail="half a pair: \ud800", nested={"a": ["\udfff"]})
    assert line["event"] == "happened"
    assert "half a pair" in str(line["detail"])


def test_levels() -> None:
    stream = io.BytesIO()
    log = make_log(stream)
    log.warning("w")
    log.error("e")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == ["warning", "error"]


def test_single_steps_are_written_only_where_somebody_looks_for_a_fault() -> None:
    for debugging in (False, True):
        stream = io.BytesIO()
        log = make_log(stream, debugging=debugging)
        assert log.debugging is debugging
        log.debug("d", number=1)
        levels = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]
        assert levels == ["debug"] * debugging


class ThingLine(Line, kw_only=True):
    """A line with a field."""

    thing: str


def test_a_line_with_known_fields_is_written_like_any_other() -> None:
    stream = io.BytesIO()
    log = make_log(stream)
    log.info("happened", thing="half a pair: \udfff")
    log.line(ThingLine("happened", "info", "", thing="half a pair: \udfff"))
    log.info("happened", thing="a")
    log.line(ThingLine("happened", "info", "", thing="a"))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.pop("timestamp")[-1] for line in lines] == ["Z"] * 4
    assert (lines[0], lines[2]) == (lines[1], lines[3])


def test_times_have_microseconds_and_do_not_go_back() -> None:
    stream = io.BytesIO()
    log = make_log(stream)
    before = datetime.now(UTC)
    for _ in range(3):
        log.info("happened")
    after = datetime.now(UTC)
    texts = [json.loads(line)["timestamp"] for line in stream.getvalue().splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text) for text in texts)
    times = [datetime.fromisoformat(text) for text in texts]
    # Written to the microsecond, cut and not rounded.
    assert [before - timedelta(microseconds=1), *times, after] == sorted(
        [before - timedelta(microseconds=1), *times, after]
    )


class Full(InStream):
    """A disk that is full until it is not."""

    full = True

    def write(self, line: bytes) -> None:
        if self.full:
            self.lost += 1
        else:
            super().write(line)


def test_lines_that_were_given_up_are_told_when_there_is_room_again() -> None:
    stream = io.BytesIO()
    sink = Full(stream)
    log = JsonLog(sink)
    log.info("one")
    log.warning("two")
    sink.full = False
    log.info("three")
    log.info("four")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["three", "log_lines_lost", "four"]
    assert (lines[1]["level"], lines[1]["lines"]) == ("warning", 2)
