"""What is written about the settings is held to the settings: names, defaults and bounds, in every place."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, get_args, get_origin

import msgspec
import pytest

from router.secrets import Secret
from router.settings import (
    AccountSettings,
    CompetitionSettings,
    ConnectionFields,
    CustodyFields,
    ExecutionSettings,
    LogSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    parse,
)
from router.settings.auth import RawAuth, RawKey
from router.settings.groups import RawGroup
from router.settings.vault import RawVault

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
EXAMPLE = (ROOT / "deploy" / "router.example.toml").read_text("utf-8")


def tables_of(kind: type[msgspec.Struct]) -> tuple[type[msgspec.Struct], ...]:
    """The structs that tables of connections are read as: with their credentials, and no other below."""
    below = [each for each in kind.__subclasses__() if each.__module__.startswith("router.settings")]
    return tuple(leaf for each in below for leaf in tables_of(each)) if below else (kind,)


TABLES: Mapping[str, tuple[type[msgspec.Struct], ...]] = {
    "server": (ServerSettings,),
    "store": (StoreSettings,),
    "competition": (CompetitionSettings,),
    "execution": (ExecutionSettings,),
    "log": (LogSettings,),
    "auth": (RawAuth,),
    "auth.keys[]": (RawKey,),
    "vault": (RawVault,),
    "connections[]": tables_of(ConnectionFields),
    "routing_groups[]": (RawGroup,),
}
NESTED = {"auth.keys"}
"""Keys whose value is a table of its own."""
WHOLE = msgspec.json.Encoder()


class Key(msgspec.Struct, frozen=True):
    """A key as the code has it; `defaults` as the page writes them, one a struct that says another."""

    name: str
    defaults: frozenset[str]
    bounds: frozenset[str]


def keys() -> dict[str, Key]:
    """Every key of the settings, by its whole name."""
    found: dict[str, Key] = {}
    for table, kinds in TABLES.items():
        for kind, field in ((each, field) for each in kinds for field in msgspec.structs.fields(each)):
            name = f"{table}.{field.encode_name}"
            if name in NESTED:
                continue
            known = found.get(name, Key(name, frozenset(), frozenset()))
            # A custody connection must say that it is one; `type` has a default for all others.
            told = not (issubclass(kind, CustodyFields) and field.name == "type")
            default = {written(field)} if told else set()
            found[name] = Key(name, known.defaults | default, known.bounds | set(bounds(field.type)))
    return found


def written(field: msgspec.structs.FieldInfo) -> str:
    """A field's default as the page has it."""
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value in (None, (), ""):
        return "none"
    return f"`{value}`" if isinstance(value, str) else f"`{WHOLE.encode(value).decode()}`"


def bounds(kind: object) -> Iterator[str]:
    """The bounds of a whole number, wherever in a type they stand."""
    if get_origin(kind) is Annotated:
        for meta in kind.__metadata__:  # type: ignore[attr-defined] # what `Annotated` puts there
            if isinstance(meta, msgspec.Meta) and meta.ge is not None:
                yield f"{meta.ge} to {meta.le}"
    for part in get_args(kind):
        yield from bounds(part)


def rows() -> list[tuple[str, str, str]]:
    """The page's rows: key, default, bounds."""
    cells = [[cell.strip() for cell in line.split("|")] for line in PAGE.splitlines() if line[:3] == "| `"]
    return [(row[1].strip("`"), row[2], row[3]) for row in cells]


def names_in(text: str) -> set[str]:
    """The names between backticks."""
    return set(re.findall(r"`\.?([a-z_]+)`", text))


def active(text: str) -> str:
    """The example with the keys that are left out put in."""
    return re.sub(r"(?m)^# (?=\w+ = |\[)", "", text)


def secrets_in(text: str, directory: Path) -> str:
    """The example with its secrets in a directory, each another one."""
    for number, name in enumerate(sorted(set(re.findall(r"/run/secrets/([\w-]+)\"", text)))):
        value = f"{number:064x}" if name.startswith("vault-key") else f"secret-{number}"
        (directory / name).write_text(value, "ascii")
    return text.replace("/run/secrets/", f"{directory}/")


def settings(text: str, directory: Path) -> Settings:
    """The settings that the example comes to."""
    return parse(tomllib.loads(secrets_in(text, directory)), "router.example.toml", {})


def test_every_table_of_the_settings_is_looked_at() -> None:
    tables = {name.partition(".")[0].removesuffix("[]") for name in TABLES}
    assert set(Settings.__struct_fields__) == tables


def test_every_kind_of_connection_is_looked_at() -> None:
    found = {name.rpartition(".")[2] for name in keys()}
    assert len(TABLES["connections[]"]) >= 3
    assert {"token", "signing_key", "decimals"} <= found


def test_the_page_has_every_key_and_no_other() -> None:
    assert sorted({name for name, _, _ in rows()}) == sorted(keys())


@pytest.mark.parametrize("key", keys().values(), ids=lambda key: key.name)
def test_the_page_tells_every_default_and_bound(key: Key) -> None:
    told = [(default, between) for name, default, between in rows() if name == key.name]
    parts = {part for default, _ in told for part in default.split("; ")}
    # "Coinbase: `25`": where one kind of connection has another default than the first.
    assert key.defaults == {re.sub(r"^\w+: ", "", part) for part in parts}
    assert key.bounds == {between for _, between in told if between}


@pytest.mark.parametrize("table", [*TABLES])
def test_the_readme_names_every_key_in_the_row_of_its_table(table: str) -> None:
    head = f"[[{table.removesuffix('[]')}]]" if table.endswith("[]") else f"[{table}]"
    told = [line.split("|")[2] for line in README.splitlines() if line.startswith(f"| `{head}`")]
    assert told, f"expected a row for {head}, was none"
    wanted = {name.rpartition(".")[2] for name in keys() if name.rpartition(".")[0] == table}
    assert set.union(*(names_in(cell) for cell in told)) == wanted


@pytest.mark.parametrize("name", keys())
def test_the_example_names_every_key(name: str) -> None:
    table, _, key = name.rpartition(".")
    read = tomllib.loads(active(EXAMPLE))
    for part in table.split("."):
        listed = part.endswith("[]")
        read = read[part.removesuffix("[]")]
        if listed:
            read = {each: value for entry in read for each, value in entry.items()}
    assert key in read


def test_the_example_is_one_that_a_router_starts_with(tmp_path: Path) -> None:
    found = settings(EXAMPLE, tmp_path)
    ids = [entry.connection.id for entry in found.connections]
    assert ids == ["bitgo-spot", "bitgo-pts", "bitgo-custody"]
    assert found.vault.key is not None


def test_what_the_example_leaves_out_is_the_default(tmp_path: Path) -> None:
    """What stands behind a # in the tables, and in the connections that are used, changes nothing."""
    found, whole = settings(EXAMPLE, tmp_path), settings(active(EXAMPLE), tmp_path)
    for table in ("server", "store", "competition", "execution"):
        assert getattr(found, table) == getattr(whole, table)
    plain = [without_secrets(entry) for entry in found.connections]
    assert plain == [without_secrets(entry) for entry in whole.connections[: len(plain)]]
    assert len(whole.connections) > len(plain)


def without_secrets(entry: AccountSettings) -> dict[str, object]:
    """A connection's settings, to be compared."""
    fields = msgspec.structs.asdict(entry)
    return {name: value for name, value in fields.items() if not isinstance(value, Secret)}
