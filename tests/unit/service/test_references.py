"""A reference that came over HTTP is followed only to where the settings allow it."""

from pathlib import Path

import pytest

from router.secrets import Reference
from router.service.connecting.references import References
from router.settings import VaultSettings
from router.settings_error import SettingsError

TOKEN, OTHER = "v2x-the-token", "v2x-other"
ENVIRON = {"BITGO_SPOT": TOKEN, "PATH_TO_ELSEWHERE": OTHER}


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """The directory that the settings allow, a token in it, another secret beside it."""
    root = tmp_path / "secrets"
    (root / "deep").mkdir(parents=True)
    (root / "token").write_text(TOKEN + "\n")
    (root / "deep" / "token").write_text(TOKEN)
    (root / "inside").symlink_to(root / "token")
    (tmp_path / "other").write_text(OTHER)
    (tmp_path / "secrets-too").mkdir()
    (tmp_path / "secrets-too" / "token").write_text(OTHER)
    (root / "escaping").symlink_to(tmp_path / "other")
    (root / "elsewhere").symlink_to(tmp_path)
    return root


def refused(references: References, reference: Reference) -> SettingsError:
    with pytest.raises(SettingsError) as raised:
        references.follow(reference, "credentials")
    assert OTHER not in str(raised.value)
    assert TOKEN not in str(raised.value)
    return raised.value


@pytest.mark.parametrize("reference", [Reference(file="/etc/hostname"), Reference(env="BITGO_SPOT")])
def test_without_a_word_of_the_settings_none_is_followed(reference: Reference) -> None:
    error = refused(References(VaultSettings(), ENVIRON), reference)

    assert error.key in ("credentials.file", "credentials.env")
    assert "the settings name no vault." in error.expected


@pytest.mark.parametrize("name", ["token", "deep/token", "inside", "deep/../token"])
def test_a_file_below_the_directory_is_read(allowed: Path, name: str) -> None:
    references = References(VaultSettings(files_under=allowed), {})

    assert references.follow(Reference(file=f"{allowed}/{name}"), "credentials").reveal() == TOKEN


@pytest.mark.parametrize(
    "name", ["../other", "escaping", "elsewhere/other", "../secrets-too/token", "deep", "none", "", "\0"]
)
def test_whatever_leads_out_of_the_directory_is_refused(allowed: Path, name: str) -> None:
    references = References(VaultSettings(files_under=allowed), {})
    error = refused(references, Reference(file=f"{allowed}/{name}"))

    assert error.key == "credentials.file"
    assert f"below {allowed}" in error.expected


def test_a_directory_that_is_a_link_itself_is_good(allowed: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(allowed)
    references = References(VaultSettings(files_under=link), {})

    assert references.follow(Reference(file=f"{link}/token"), "credentials").reveal() == TOKEN


def test_a_variable_must_have_the_prefix() -> None:
    references = References(VaultSettings(variables_prefix="BITGO_"), ENVIRON)

    assert references.follow(Reference(env="BITGO_SPOT"), "credentials").reveal() == TOKEN
    assert refused(references, Reference(env="PATH_TO_ELSEWHERE")).key == "credentials.env"
    assert "a value in the variable BITGO_NONE" in refused(references, Reference(env="BITGO_NONE")).expected


def test_one_of_both_it_must_be() -> None:
    references = References(VaultSettings(variables_prefix="BITGO_"), ENVIRON)

    refused(references, Reference())
    refused(references, Reference(env="BITGO_SPOT", file="/x"))
