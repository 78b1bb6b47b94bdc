"""The plan of a run: a TOML file, checked whole before anything is sent.

Whatever cannot be meant is a `SettingsError` that names the file, the key, what was expected and what was
there. The hosts that may be loaded stand in the file, one by one: an address from anywhere else, the command
line included, must be among them.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from router.core.errors import shown
from router.load.arrivals import Arrivals, Stage
from router.load.mix import Entry
from router.load.plan_mix import RawEntry, entry_of
from router.secrets import Reference, Secret, secret
from router.settings.hosts import checked_base_url
from router.settings_error import SettingsError, explained

RATE_MAX: Final = 50_000
"""Requests a second; more than one process on one core can send."""
REQUESTS_MAX: Final = 50_000_000
"""Requests of a run: a number slipped by some digits is more likely than a run of days."""

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(:[0-9]{1,5})?")
_PORTS: Final = {"http": 80, "https": 443}
_PREFIX: Final = r"^[A-Za-z0-9._:-]+$"

Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=60_000)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=RATE_MAX)]


class RunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[run]`: how requests are sent."""

    arrivals: Arrivals = Arrivals.CONSTANT
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 1
    in_flight_max: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 2048
    """Requests under way at once; a further one waits, and that is counted."""
    wait_ms_max: Milliseconds = 5000
    """How long one waits at most; then it is never sent, and that is counted."""
    timeout_ms: Milliseconds = 10_000
    """How long an answer may take, connecting included."""
    client_order_id_prefix: Annotated[str, msgspec.Meta(min_length=1, max_length=24, pattern=_PREFIX)] = (
        "load"
    )
    precise: bool = True
    """Wait for the last milliseconds before a request by turning, to the microsecond, and not by a timer,
    which is late by up to one; costs what is left of a core."""


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[expect]`: what the run is held against; what is left out is not looked at."""

    p99_ms_max: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Of requests taken (2xx), from the intended time."""
    lag_p99_ms_max: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """How late this process itself sends what had not to wait: past it, it has not loaded as it was told."""
    shed_max: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Answers 429 and 503 with `Retry-After`."""
    unanswered_max: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Requests without an answer: time-outs and transport errors."""


class Target(msgspec.Struct, frozen=True):
    """Which router, by an address that the plan allows; `key`: how it knows the caller."""

    url: str
    key: Secret | None = None


class Plan(msgspec.Struct, frozen=True):
    """A run as it was meant."""

    source: str
    target: Target
    run: RunSettings
    expect: Expectations
    stages: tuple[Stage, ...]
    mix: tuple[Entry, ...]

    @property
    def duration_s(self) -> float:
        """How long requests are sent."""
        return sum(stage.duration_s for stage in self.stages)

    @property
    def requests(self) -> int:
        """How many requests are due, of a Poisson process on average."""
        return round(sum(stage.requests for stage in self.stages))


class _RawTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hosts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)]
    url: str | None = None
    key: Reference | None = None
    plain_http: bool = False


class _RawStage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rate: Rate
    duration_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)]
    ramp_to: Rate | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    measured: bool = True


class _RawPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: _RawTarget
    stages: Annotated[tuple[_RawStage, ...], msgspec.Meta(min_length=1, max_length=200)]
    mix: Annotated[tuple[RawEntry, ...], msgspec.Meta(min_length=1, max_length=200)]
    run: RunSettings = RunSettings()
    expect: Expectations = Expectations()


def load(path: Path, url: str | None = None, environ: Mapping[str, str] = os.environ) -> Plan:
    """Read a plan; `url` takes the place of its `target.url`. Raises `SettingsError`."""
    source = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(source, "file", "a file that can be read", error.strerror) from error
    try:
        table = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(source, "file", "TOML in UTF-8", str(error)) from error
    return parse(table, source, environ, url)


def parse(
    table: Mapping[str, object], source: str, environ: Mapping[str, str], url: str | None = None
) -> Plan:
    """Check a plan's table; `source` is what messages call it. Raises `SettingsError`."""
    try:
        raw = msgspec.convert(table, _RawPlan)
    except msgspec.ValidationError as error:
        raise explained(error, table, source, _RawPlan) from error
    plan = Plan(
        source=source,
        target=_target(raw.target, source, environ, url),
        run=raw.run,
        expect=raw.expect,
        stages=tuple(_stage(entry, index) for index, entry in enumerate(raw.stages)),
        mix=tuple(entry_of(entry, f"mix[{index}]", source) for index, entry in enumerate(raw.mix)),
    )
    if not 1 <= plan.requests <= REQUESTS_MAX:
        expected = f"1 to {REQUESTS_MAX} requests in all stages together"
        raise SettingsError(source, "stages", expected, str(plan.requests))
    return plan


def _stage(raw: _RawStage, index: int) -> Stage:
    return Stage(
        name=raw.name or f"stage {index + 1}",
        rate=raw.rate,
        ramp_to=raw.rate if raw.ramp_to is None else raw.ramp_to,
        duration_s=raw.duration_s,
        measured=raw.measured,
    )


def _target(raw: _RawTarget, source: str, environ: Mapping[str, str], url: str | None) -> Target:
    allowed = {_allowed(text, f"target.hosts[{index}]", source) for index, text in enumerate(raw.hosts)}
    key, where = ("target.url", source) if url is None else ("--url", "command line")
    wanted = raw.url if url is None else url
    if wanted is None:
        raise SettingsError(source, key, "an address such as http://127.0.0.1:8080, or --url", "none")
    checked = checked_base_url(wanted, key, where, plain_http=raw.plain_http)
    parts = urlsplit(checked)
    host = (parts.hostname or "").lower()
    port = parts.port or _PORTS[parts.scheme]
    if not {(host, None), (host, port)} & allowed:
        expected = f"a host that target.hosts of {source} names, which are the only ones that may be loaded"
        raise SettingsError(where, key, expected, shown(f"{host}:{port}"))
    return Target(checked, None if raw.key is None else secret(raw.key, "target.key", source, environ))


def _allowed(text: str, key: str, source: str) -> tuple[str, int | None]:
    """A host, with the port where only that one may be loaded."""
    found = _HOST.fullmatch(text)
    if found is None or int((found[2] or ":1")[1:]) not in range(1, 65_536):
        raise SettingsError(
            source, key, "a host such as router.staging or router.staging:8080, each by its name", shown(text)
        )
    return found[1].strip("[]").lower(), int(found[2][1:]) if found[2] else None
