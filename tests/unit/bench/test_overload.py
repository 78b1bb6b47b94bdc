"""Twice the rate that is held: what is lost, what is journaled though refused, and what is said of it."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from bench.overload import Overload, ended_of, judged, overload_report
from bench.rate import Stage

TAKEN = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"status":"filled"}'
UNKNOWN = b'HTTP/1.1 202 Accepted\r\n\r\n{"status":"pending_new"}'
OVER = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n{}"
SILENT = b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}"
WRONG = b"HTTP/1.1 422 Unprocessable\r\n\r\n{}"
HALF = Stage(500, 1.0, 4.0, {}, 0.1)
FIRST = Stage(2000, 2.0, 99.0, {"503": 1}, 0.2)
TWICE = Stage(2000, 2.0, 11.0, {"503": 1}, 0.2)


def found(
    answers: dict[str, bytes] | None = None, ended: dict[str, bool] | None = None, sent: int = 2
) -> Overload:
    return judged(
        1000,
        (HALF, FIRST, TWICE),
        {"a": TAKEN, "b": UNKNOWN, "c": OVER} if answers is None else answers,
        {"a": True, "b": True} if ended is None else ended,
        sent,
    )


def failed(overload: Overload) -> list[str]:
    return [text for text, passed in overload.verdicts() if not passed]


def test_all_is_well_where_what_was_accepted_is_kept_and_what_was_refused_is_not() -> None:
    overload = found()

    assert failed(overload) == []
    assert overload.answers == {"200": 1, "202": 1, "503": 1}


@pytest.mark.parametrize(
    ("overload", "told"),
    [
        (found(ended={"a": True}), "are lost: expected 0, was 1"),
        (found(ended={"a": True, "b": False}), "have not ended: expected 0, was 1"),
        (found(ended={"a": True, "b": True, "c": False}), "refused orders in the journal: expected 0, was 1"),
        (found(sent=3), "sent beyond those accepted: expected 0, was 1"),
        (found({"a": TAKEN, "b": TAKEN, "c": SILENT}), "without Retry-After: expected 0, was 1"),
        (found({"a": TAKEN, "b": TAKEN, "c": OVER, "d": WRONG}), "expected none, was ['422']"),
        (found({"a": TAKEN, "b": TAKEN, "c": OVER, "d": b""}), "expected none, was ['lost']"),
        (found({"a": TAKEN, "b": TAKEN}), "refused at twice the rate: expected some, was 0"),
        (
            msgspec.structs.replace(found(), twice=Stage(2000, 2.0, 12.0, {}, 0.2)),
            "was 3.0 times (4.0 and 12.0 ms)",
        ),
    ],
)
def test_whatever_went_wrong_is_told(overload: Overload, told: str) -> None:
    assert len(failed(overload)) == 1
    assert told in failed(overload)[0]
    assert f"FAIL {failed(overload)[0]}" in overload_report(overload)


def test_how_orders_ended_is_read_from_the_journals_file(tmp_path: Path) -> None:
    path = tmp_path / "router.db"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE orders (client_order_id TEXT, stage INTEGER)")
    base.executemany("INSERT INTO orders VALUES (?, ?)", [("a", 2), ("b", 0), ("c", 1)])
    base.commit()
    base.close()

    assert ended_of(path) == {"a": True, "b": False, "c": False}
