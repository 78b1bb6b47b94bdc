"""One JSON object to a line, whatever is in it."""

import io
import json
from decimal import Decimal

from router.observe.logs import make_log


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
