"""The command `caas-router`: which commands there are, and how a wrong command line ends.

Exit codes of the desk's commands: see `exits.Exit`. `serve` and `simulate` end with 0 when they were stopped,
and with 2 where their settings cannot be meant.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from router.cli import connecting, connections, events, paper, reading, resolving, trading
from router.cli.exits import HELP, Exit
from router.cli.load.command import HELP as LOAD_HELP
from router.cli.load.command import load
from router.cli.margin import moves as margin_moves
from router.cli.margin import reads as margin
from router.cli.reports import commands as report


def serve(*, config: str | None = None) -> int:
    """Run the router until SIGTERM, which drains it.

    Logs one JSON line to an event on stderr; the event `listening` has the port.

    Parameters
    ----------
    config
        The settings, a TOML file; without it, the file that CAAS_ROUTER_CONFIG names.
    """
    # The router with all that it serves by is loaded only where it runs.
    from router.app import serve as run  # noqa: PLC0415

    return run(config)


def simulate(*, config: str) -> int:
    """Run the simulated counterparties alone until SIGTERM.

    Parameters
    ----------
    config
        The simulator's settings, a TOML file.
    """
    from router.app import simulate as run  # noqa: PLC0415 - as in `serve`

    return run(config)


def demo(*, keep: Annotated[bool, Parameter(negative="", show_default=False)] = False) -> int:
    """Show the router at work against simulated accounts, on this machine alone.

    Starts simulated counterparties and the router on free ports, sends orders,
    shows each competition, and stops everything again.

    Ends with 0 if every step came out as announced, else with 1.

    Parameters
    ----------
    keep
        Leave the settings, the journal and the logs where they are, and say where.
    """
    from router.cli.demo.play import play  # noqa: PLC0415 - only the demo needs it

    return play(paper.out(), keep=keep)


def make_app() -> App:
    """The command with all its subcommands."""
    app = App(
        name="caas-router",
        help="A price-competition execution router: Spot and PTS accounts compete, one order goes out.",
        help_epilogue=HELP,
        help_format="plaintext",
        version_flags=[],
        result_action="return_value",
        console=_console(stderr=False),
        error_console=_console(stderr=True),
    )
    for process in (serve, simulate, demo):
        app.command(process, group="Processes", help_epilogue="")
    app.command(load, group="Processes", help_epilogue=LOAD_HELP)
    for name, command in (("quote", trading.quote), ("order", trading.order)):
        usage = f"Usage: caas-router {name} PRODUCT SIDE QUANTITY [CURRENCY] [OPTIONS]"
        app.command(command, group="Desk", usage=usage)
    orders = App(name="orders", help="Look at orders, or take one back.", group="Desk", help_epilogue=HELP)
    orders.command(reading.list_orders, name="list")
    orders.command(reading.show_one, name="show")
    orders.command(reading.cancel, name="cancel")
    orders.command(resolving.resolve, name="resolve")
    orders.default(reading.list_orders)
    app.command(orders)
    made = App(
        name="connections",
        help="Show the connections; make, change, test or remove one.",
        group="Desk",
        help_epilogue=HELP,
    )
    made.command(connections.list_all, name="list")
    made.command(connections.show_one, name="show")
    made.command(connecting.add, name="add")
    made.command(connecting.edit, name="edit")
    made.command(connections.probe, name="test")
    made.command(connections.remove, name="remove")
    made.default(connections.list_all)
    app.command(made)
    app.command(events.events, group="Desk")
    app.command(_margin())
    app.command(report.make_report())
    return app


def _margin() -> App:
    """`margin` with its commands."""
    told = "Look at a PTS account's margin, or move it."
    app = App(name="margin", help=told, group="Desk", help_epilogue=HELP)
    for name, command in (
        ("profile", margin.profile),
        ("settings", margin.settings),
        ("positions", margin.positions),
        ("collateral", margin.collateral),
        ("snapshot", margin.snapshot),
        ("activity", margin.activity),
        ("close-requests", margin.close_requests),
        ("withdrawals", margin_moves.withdrawals),
        ("transfer", margin_moves.transfer),
        ("position-transfer", margin_moves.position_transfer),
        ("cover", margin_moves.cover),
        ("close", margin_moves.close),
        ("withdraw", margin_moves.withdraw),
        ("operations", margin_moves.operations),
        ("resolve", margin_moves.resolve),
    ):
        app.command(command, name=name)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code."""
    paper.tolerate_encodings()
    try:
        ended = make_app()(
            sys.argv[1:] if argv is None else list(argv), exit_on_error=False, print_error=True
        )
    except CycloptsError:
        return Exit.USAGE
    except KeyboardInterrupt:
        return 130
    return ended if isinstance(ended, int) else Exit.DONE


def _console(*, stderr: bool) -> Console:
    return Console(stderr=stderr, highlight=False, emoji=False)
