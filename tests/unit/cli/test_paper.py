"""What is drawn holds at any width, without colours, without UTF-8, and with hostile texts."""

import io

import pytest
from rich.console import Console

from router.cli import answers, figures
from router.cli.competition import competition_table, ranked
from router.cli.order import show_order
from router.cli.problem import show_problem
from tests.unit.cli import samples

ENTRIES = answers.read(samples.encoded(samples.FILLED), answers.Order).competition
assert ENTRIES is not None


def drawn(width: int, what: str = "table", encoding: str = "utf-8", entries: object = None) -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, errors="strict", write_through=True) as stream:
        console = Console(file=stream, width=width, markup=False, highlight=False)
        if what == "table":
            chosen = (
                ENTRIES.entries
                if entries is None
                else answers.read(samples.encoded(entries), list[answers.Entry])
            )
            console.print(competition_table(console, chosen, "buy"))
        else:
            show_order(console, answers.read(samples.encoded(samples.FILLED), answers.Order))
        return raw.getvalue().decode(encoding)


def test_the_winner_comes_first_and_who_was_left_out_last() -> None:
    assert ENTRIES is not None
    assert [e.connection.id for e in ranked(ENTRIES.entries, "buy")] == ["bitgo-spot", "bitgo-pts", "cb-spot"]


def test_a_sale_is_won_by_the_highest_price() -> None:
    rfq = answers.read(samples.encoded(samples.RFQ | {"side": "sell"}), answers.Rfq)
    assert [e.connection.id for e in ranked(rfq.entries, "sell")][:2] == ["bitgo-pts", "bitgo-spot"]


def test_a_wide_table_shows_everything() -> None:
    lines = [" ".join(line.split()) for line in drawn(120).splitlines()]
    assert [lines[0], *lines[2:]] == [
        "# connection price all-in vs best quantity quote outcome",
        "1 BitGo Treasury 100.00 100.10 best 0.5 request 48 ms ★ won",
        "2 BitGo Margin PTS 100.20 100.40 29.98 bps 0.5 book 12 µs lost",
        "- Coinbase Spot - - - - - excluded: insufficient balance",
    ]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_table_fits_its_paper_with_each_connection_on_a_line(width: int) -> None:
    lines = drawn(width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 5


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_long_name_keeps_its_mark_and_every_price(width: int) -> None:
    long = samples.ENTRIES[1] | {"connection": samples.MARGIN | {"name": "The margin account of " + "x" * 40}}
    text = drawn(width, entries=[samples.ENTRIES[2], long])
    assert max(map(len, text.splitlines())) <= width
    assert "PTS" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("what", ["table", "order"])
def test_a_terminal_without_utf8_is_drawn_on_in_its_own_letters(encoding: str, what: str) -> None:
    text = drawn(80, what, encoding)
    assert "BitGo Margin PTS" in text
    assert ("★ won" in text) == (encoding == "utf-8")
    assert "won" in text


def test_nothing_from_outside_steers_the_terminal() -> None:
    bad = "\x1b[2J[bold]evil[/bold]\r\x07"
    connection = {"id": "x", "name": bad, "pts": True}
    problem = samples.CREDIT | {
        "detail": bad,
        "connection": connection,
        "venue_error": {"name": bad, "message": bad, "request_id": bad, "http_status": 400},
    }
    stream = io.StringIO()
    show_problem(
        Console(file=stream, width=100, markup=False, highlight=False),
        answers.read(samples.encoded(problem), answers.Problem),
    )
    entry = samples.ENTRIES[1] | {"connection": connection, "price": bad, "reason": bad, "source": bad}
    text = stream.getvalue() + drawn(200, entries=[entry])
    assert not any(character in text for character in "\x1b\r\x07")
    assert "[bold]evil[/bold]" in text


@pytest.mark.parametrize(
    ("text", "side", "shown"),
    [
        ("60033.0015", "buy", "60033.0015"),
        ("60003.333333333333333334", "buy", "60003.33334"),
        ("60003.333333333333333333", "sell", "60003.33333"),
        ("0.00001234567891234", "buy", "0.00001234567892"),
        ("100", "buy", "100.00"),
        ("0", "buy", "0.00"),
        (None, "buy", "-"),
        ("1e9", "buy", "1e9"),
    ],
)
def test_a_price_is_shortened_against_the_caller(text: str | None, side: str, shown: str) -> None:
    assert shown == figures.price(text, side)


def test_what_was_saved_is_never_shown_larger_than_it_was() -> None:
    assert figures.saved("100.10", "100.40", "0.333333333333", "buy") == "0.0999999"
    assert figures.saved("100.40", "100.10", "0.5", "sell") == "0.15"
    assert figures.saved("100.40", None, "0.5", "sell") is None
