"""The simulator as a process of its own."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec
import structlog
import uvloop

from .app import Simulator
from .settings import Settings, SettingsError, load


def serve(config_path: Path) -> int:
    """Serve until SIGTERM or SIGINT, then give 0; 2 for settings that cannot be used, 1 for a port in use."""
    try:
        settings = load(config_path)
    except SettingsError as error:
        sys.stderr.write(f"simulate: {error}\n")
        return 2
    try:
        uvloop.run(_serve(settings))
    except OSError as error:
        sys.stderr.write(f"simulate: expected to listen on {settings.server.host}: {error}\n")
        return 1
    return 0


async def _serve(settings: Settings) -> None:
    log = _logger()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    simulator = Simulator(settings)
    host, port = await simulator.start()
    log.info(
        "listening",
        host=host,
        port=port,
        accounts=len(settings.accounts),
        products=len(settings.products),
        seed=settings.seed,
    )
    await stop.wait()
    log.info("stopping")
    await simulator.stop()
    log.info("stopped")


def _logger() -> structlog.typing.FilteringBoundLogger:
    """Give a logger that writes one JSON line to an event on stderr, without touching global settings."""
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )
    return logger


def _to_json(event: dict[str, object], **_options: object) -> str:
    return msgspec.json.encode(event).decode()
