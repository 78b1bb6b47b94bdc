"""What is sealed opens in its own place with its own key, and nowhere else."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.secrets import SealingKey, Secret
from router.vault import Place, SealedError, Vault, VaultError

NEW, OLD = SealingKey(b"n" * 32), SealingKey(b"o" * 32)
PLACE = Place("bitgo-spot", "https://app.bitgo.com")
TOKEN = "v2x-the-token-itself"


def test_what_was_sealed_opens_and_is_not_readable() -> None:
    vault = Vault(NEW)
    sealed = vault.seal(Secret(TOKEN), PLACE)
    opened = vault.open(sealed, PLACE)

    assert (opened.secret.reveal(), opened.stale) == (TOKEN, False)
    assert TOKEN.encode() not in sealed
    assert TOKEN not in repr(opened)
    assert vault.problem is None


def test_no_two_sealings_are_alike() -> None:
    vault = Vault(NEW)
    assert vault.seal(Secret(TOKEN), PLACE) != vault.seal(Secret(TOKEN), PLACE)


@pytest.mark.parametrize(
    "other",
    [
        Place("bitgo-pts", "https://app.bitgo.com"),
        Place("bitgo-spot", "https://app.bitgo.example"),
        Place("bitgo-spothttps", "://app.bitgo.com"),
    ],
)
def test_what_was_sealed_for_one_place_opens_in_no_other(other: Place) -> None:
    vault = Vault(NEW)
    with pytest.raises(SealedError, match="expected what was sealed for this connection and address"):
        vault.open(vault.seal(Secret(TOKEN), PLACE), other)


@given(at=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_a_byte_changed_anywhere_opens_nothing(at: int, flip: int) -> None:
    vault = Vault(NEW)
    sealed = bytearray(vault.seal(Secret(TOKEN), PLACE))
    sealed[at % len(sealed)] ^= flip
    with pytest.raises(SealedError):
        vault.open(bytes(sealed), PLACE)


@given(cut=st.integers(min_value=0, max_value=60))
def test_what_was_cut_short_opens_nothing(cut: int) -> None:
    vault = Vault(NEW)
    with pytest.raises(SealedError):
        vault.open(vault.seal(Secret("t"), PLACE)[: min(cut, 37)], PLACE)


def test_a_key_before_opens_and_says_that_it_is_one() -> None:
    sealed = Vault(OLD).seal(Secret(TOKEN), PLACE)
    rotated = Vault(NEW, [OLD])
    opened = rotated.open(sealed, PLACE)

    assert (opened.secret.reveal(), opened.stale) == (TOKEN, True)
    anew = rotated.seal(opened.secret, PLACE)
    assert Vault(NEW).open(anew, PLACE).secret.reveal() == TOKEN


def test_a_key_that_is_not_here_is_named_by_its_id() -> None:
    sealed = Vault(OLD).seal(Secret(TOKEN), PLACE)
    with pytest.raises(SealedError, match=OLD.id.hex()):
        Vault(NEW).open(sealed, PLACE)
    with pytest.raises(SealedError):
        Vault(None).open(sealed, PLACE)


def test_without_a_key_and_without_a_place_for_one_nothing_is_sealed() -> None:
    vault = Vault(None)
    with pytest.raises(VaultError, match=r"expected \[vault\] key in the settings, was none"):
        vault.seal(Secret(TOKEN), PLACE)
    assert vault.problem is not None


# The key file


def test_a_key_file_is_made_at_the_first_need_and_used_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "router.db.key"
    vault = Vault(None, key_file=path)
    assert vault.problem is None
    assert not path.exists()

    sealed = vault.seal(Secret(TOKEN), PLACE)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["router.db.key"]
    made = path.read_bytes()
    assert Vault(None, key_file=path).open(sealed, PLACE).secret.reveal() == TOKEN
    vault.seal(Secret(TOKEN), PLACE)
    assert path.read_bytes() == made


def test_two_key_files_hold_two_keys(tmp_path: Path) -> None:
    sealed = Vault(None, key_file=tmp_path / "a").seal(Secret(TOKEN), PLACE)
    other = Vault(None, key_file=tmp_path / "b")
    other.seal(Secret(TOKEN), PLACE)
    with pytest.raises(SealedError):
        other.open(sealed, PLACE)


def test_a_key_that_came_meanwhile_is_used_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key"
    late = Vault(None, key_file=path)
    first = Vault(None, key_file=path)
    sealed = first.seal(Secret(TOKEN), PLACE)

    assert Vault(None, key_file=path).open(late.seal(Secret("t"), PLACE), PLACE).secret.reveal() == "t"
    assert late.open(sealed, PLACE).secret.reveal() == TOKEN


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff" * 40])
def test_a_key_file_that_holds_none_is_said_and_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    vault = Vault(None, key_file=path)

    assert str(path) in str(vault.problem)
    with pytest.raises(VaultError, match="expected 32 bytes"):
        vault.seal(Secret(TOKEN), PLACE)
    assert path.read_bytes() == content


def test_a_key_file_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="expected a key file that can be made"):
        Vault(None, key_file=tmp_path / "none" / "key").seal(Secret(TOKEN), PLACE)


def test_a_configured_key_seals_and_the_file_goes_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "key"
    sealed = Vault(None, key_file=path).seal(Secret(TOKEN), PLACE)
    vault = Vault(NEW, key_file=path)
    opened = vault.open(sealed, PLACE)

    assert (opened.secret.reveal(), opened.stale) == (TOKEN, True)
    assert Vault(NEW).open(vault.seal(opened.secret, PLACE), PLACE).secret.reveal() == TOKEN
