"""Reports as tables for people. A connection that could not be read is told below its table."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from router.cli.paper import NONE, facts, named, plain, table, unbroken, words
from router.cli.reports.answers import (
    Balances,
    Figures,
    Portfolio,
    Quality,
    Reconciled,
    Risk,
    Row,
    Settlement,
    Trades,
    Transactions,
    Value,
)


def show_portfolio(console: Console, answer: Portfolio) -> None:
    """Balances and positions, by connection."""
    drawn = table(
        "connection", "asset", "total", "available", "withdrawable", "value", numbers=("total", "available")
    )
    unbroken(drawn, "connection", [named(row.connection) for row in answer.data])
    for row in answer.data:
        for held in row.balances:
            drawn.add_row(
                named(row.connection),
                _asset(held.asset, held.unit),
                plain(held.total),
                _or_none(held.available),
                _or_none(held.withdrawable),
                NONE,
            )
        for position in row.positions:
            drawn.add_row(
                named(row.connection),
                plain(position.asset),
                _signed(position.quantity),
                Text("position", style="dim"),
                NONE,
                _value(position.value),
            )
    console.print(drawn)
    _tell_failures(console, answer.data)


def show_balances(console: Console, answer: Balances) -> None:
    """A row an asset and connection."""
    drawn = table("connection", "kind", "asset", "quantity", "USD", "wallet", numbers=("quantity", "USD"))
    rows = [row for row in answer.data if row.error is None]
    unbroken(drawn, "connection", [named(row.connection) for row in rows])
    for row in rows:
        drawn.add_row(
            named(row.connection),
            words(row.kind),
            _asset(row.asset, row.unit),
            _signed(row.quantity),
            _or_none(row.value_usd),
            _or_none(row.wallet_label or row.wallet_id),
        )
    console.print(drawn)
    _tell_failures(console, answer.data)
    _tell_more(console, answer.next_cursor)


def show_trades(console: Console, answer: Trades) -> None:
    """Trades, newest first."""
    drawn = table(
        *("time (UTC)", "connection", "trade", "price", "funding", "source", "client order id"),
        numbers=("price",),
    )
    rows = [row for row in answer.data if row.error is None]
    unbroken(drawn, "connection", [named(row.connection) for row in rows])
    for row in rows:
        drawn.add_row(
            _time(row.time),
            named(row.connection),
            plain(f"{row.side} {row.quantity} {row.product}"),
            plain(row.price),
            words(row.funding_type),
            Text(plain(row.source), style="yellow" if row.source == "external" else ""),
            _or_none(row.client_order_id),
        )
    console.print(drawn)
    _tell_failures(console, answer.data)
    _tell_more(console, answer.next_cursor)


def show_transactions(console: Console, answer: Transactions) -> None:
    """Movements in custody."""
    drawn = table(
        "time (UTC)", "wallet", "", "amount", "asset", "fee", "state", "txid", numbers=("amount", "fee")
    )
    for row in answer.data:
        if row.error is not None:
            continue
        drawn.add_row(
            _time(row.time),
            plain(row.wallet_id),
            plain(row.direction),
            plain(row.amount),
            _asset(row.asset, row.unit),
            NONE if row.fee is None else plain(f"{row.fee} {row.fee_asset or row.asset}"),
            words(row.state),
            _or_none(row.txid),
        )
    console.print(drawn)
    _tell_failures(console, answer.data)
    _tell_more(console, answer.next_cursor)


def show_settlement(console: Console, answer: Settlement) -> None:
    """Limits, credit used and exposure by asset; the risk below."""
    console.print(Text("settlement summary of ").append_text(named(answer.connection)))
    drawn = table(
        "asset",
        "position",
        "long limit",
        "short limit",
        "used",
        "exposure",
        "USD",
        numbers=("position", "USD"),
    )
    for asset in answer.assets:
        drawn.add_row(
            plain(asset.asset),
            _signed(asset.position),
            _value(asset.long_limit),
            _value(asset.short_limit),
            _value(asset.used_credit),
            _value(asset.exposure),
            _or_none(asset.exposure_usd),
        )
    console.print(drawn)
    lines = facts()
    lines.add_row("exposure in USD", _or_none(answer.exposure_usd))
    if answer.credit is not None:
        credit = answer.credit
        stands = f"frozen: {credit.frozen_reason or 'no reason given'}" if credit.frozen else "open"
        lines.add_row("credit line", plain(stands if credit.enabled else "not enabled"))
        lines.add_row("available credit", plain(f"{credit.available} {credit.currency}"))
    if answer.risk is not None:
        _risk_rows(lines, answer.risk)
    console.print(lines)


def _risk_rows(lines: Table, risk: Risk) -> None:
    lines.add_row("net open position", _value(risk.net_open_position))
    lines.add_row("collateral", _value(risk.collateral))
    lines.add_row("unrealized PnL", _value(risk.unrealized_pnl))
    lines.add_row("margin balance", _value(risk.margin_balance))
    lines.add_row("margin requirement", _value(risk.margin_requirement))
    lines.add_row("margin utilization", _or_none(risk.margin_utilization))
    lines.add_row("total short limit", _value(risk.total_short_position_limit))
    lines.add_row("requirement rate", _or_none(risk.margin_requirement_rate))
    lines.add_row("margin call at", _threshold(risk.margin_call_threshold, risk.distance_to_margin_call))
    lines.add_row("liquidation at", _threshold(risk.liquidation_threshold, risk.distance_to_liquidation))


_WIDTH_MAX: Final = 400
"""Columns that the widest table of figures can have: a name, and ten numbers of any length that there is."""


def show_quality(console: Console, answer: Quality) -> None:
    """What competitions and executions came to."""
    heading = f"{answer.orders} orders from {_time(answer.since)} to {_time(answer.until)} UTC"
    console.print(Text(plain(heading), style="bold"))
    numbers = ("join", "won", "excl", "fail", "orders", "filled", "credit", "slip", "impr", "us")
    drawn = table("connection", *numbers, numbers=numbers)
    unbroken(drawn, "connection", [named(row.connection) for row in answer.data if row.connection])
    for row in (*answer.data, answer.total):
        drawn.add_row(*_figures(row))
    # Wider than the terminal rather than with a name or a number cut off.
    options = console.options.update(max_width=_WIDTH_MAX)
    options = options.update_width(console.measure(drawn, options=options).maximum)
    for segments in console.render_lines(drawn, options, pad=False):
        console.print(Segments([*segments, Segment.line()]), soft_wrap=True)
    console.print(Text("slip and impr in bps; us: how long a quote took", style="dim"))
    for row in answer.data:
        # Reasons to be excluded and reasons to have failed are different words.
        reasons = {**row.excluded_by_reason, **row.failed_by_reason}
        if reasons and row.connection is not None:
            told = ", ".join(f"{words(name)} {count}" for name, count in reasons.items())
            line = named(row.connection).append(f" was left out or failed: {told}", style="dim")
            console.print(line, soft_wrap=True)


def _figures(row: Figures) -> list[str | Text]:
    counts = (row.joined, row.won, row.excluded, row.failed, row.orders, row.filled, row.credit_failures)
    return [
        Text("in all", style="bold") if row.connection is None else named(row.connection),
        *(str(count) for count in counts),
        _or_none(row.slippage_bps),
        _or_none(row.price_improvement_bps),
        NONE if row.quote_latency_us is None else str(row.quote_latency_us),
    ]


def show_reconciliation(console: Console, answer: Reconciled) -> None:
    """The differences, then both sides' sums."""
    drawn = table("difference", "trade", "ours", "counterparty's", "client order id")
    rows = [row for row in answer.data if row.error is None]
    for row in rows:
        drawn.add_row(
            Text(words(row.kind), style="yellow"),
            plain(row.trade_id),
            NONE if row.ours is None else plain(f"{row.ours.side} {row.ours.quantity} at {row.ours.price}"),
            NONE
            if row.venue is None
            else plain(f"{row.venue.side} {row.venue.quantity} at {row.venue.price}"),
            _or_none(row.client_order_id),
        )
    title = Text("reconciliation of ").append_text(named(answer.connection))
    console.print(title.append(f": {len(rows)} differences", style="bold"))
    if rows:
        console.print(drawn)
    sums = table("product", "side", "our trades", "our quantity", "their trades", "their quantity")
    for total in answer.totals:
        ours, venue = total.ours, total.venue
        sums.add_row(
            plain(total.product),
            plain(total.side),
            *(str(ours.trades), plain(ours.quantity), str(venue.trades), plain(venue.quantity)),
        )
    console.print(sums)
    _tell_failures(console, answer.data)
    if answer.orders_in_doubt:
        console.print(
            Text(f"orders in doubt: {answer.orders_in_doubt}; an external trade may be theirs", "yellow")
        )
    if not answer.complete:
        console.print(Text("not both sides were read to their end", style="bold red"))


def _tell_failures(console: Console, rows: Iterable[Row]) -> None:
    for row in rows:
        if row.error is not None:
            line = Text("not read: ", style="bold red").append_text(named(row.connection))
            console.print(line.append(plain(f": {row.error.code}: {row.error.detail}"), style="none"))


def _tell_more(console: Console, cursor: str | None) -> None:
    if cursor is not None:
        console.print(Text(f"more: --cursor {plain(cursor)}", style="dim"), soft_wrap=True)


def _asset(asset: str, unit: str) -> str:
    return plain(asset) if unit == "asset" else plain(f"{asset} (base units)")


def _signed(quantity: str) -> Text:
    return Text(plain(quantity), style="red" if quantity.startswith("-") else "")


def _value(value: Value | None) -> str:
    return NONE if value is None else plain(f"{value.quantity} {value.currency}")


def _threshold(threshold: str | None, distance: str | None) -> str:
    if threshold is None:
        return NONE
    return plain(threshold if distance is None else f"{threshold}, {distance} away")


def _or_none(text: str | None) -> str:
    return NONE if text is None else plain(text)


def _time(text: str) -> str:
    return plain(text[:19].replace("T", " "))
