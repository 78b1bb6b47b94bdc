"""References to credentials that came over HTTP, and which of them are followed.

A reference lets its writer make the router read a file, or a variable, and send what it found to an address
of the writer's choosing. So none is followed but into the directory, or to the variables with the prefix,
that the settings name (`[vault] files_under`, `variables_prefix`); those of the settings file are its own.
"""

from collections.abc import Mapping
from pathlib import Path

from router.core.errors import shown
from router.secrets import Reference, Secret, secret
from router.settings import VaultSettings
from router.settings_error import SettingsError

SOURCE = "request"


class References:
    """Follows references as far as the settings allow it."""

    def __init__(self, rules: VaultSettings, environ: Mapping[str, str]) -> None:
        self._under = rules.files_under
        self._prefix = rules.variables_prefix
        self._environ = environ

    def follow(self, reference: Reference, key: str) -> Secret:
        """The credential that a reference names. It reads a file: it blocks.

        Raises `SettingsError` whose `key` is below `key`.
        """
        if reference.file is not None and reference.env is None:
            return secret(self._allowed(reference.file, f"{key}.file"), key, SOURCE, self._environ)
        if reference.env is not None and reference.file is None:
            self._check_variable(reference.env, f"{key}.env")
        return secret(reference, key, SOURCE, self._environ)

    def _allowed(self, file: str, key: str) -> Reference:
        if self._under is None:
            raise SettingsError(
                SOURCE, key, "no reference to a file: the settings name no vault.files_under", "one"
            )
        try:
            # What a link points to is what would be read.
            path, root = Path(file).resolve(strict=True), self._under.resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise SettingsError(
                SOURCE, key, f"a file that can be read below {self._under}", type(error).__name__
            ) from error
        if not path.is_relative_to(root) or not path.is_file():
            raise SettingsError(SOURCE, key, f"a file below {self._under}", shown(file))
        return Reference(file=str(path))

    def _check_variable(self, name: str, key: str) -> None:
        if self._prefix is None:
            raise SettingsError(
                SOURCE, key, "no reference to a variable: the settings name no vault.variables_prefix", "one"
            )
        if not name.startswith(self._prefix):
            raise SettingsError(SOURCE, key, f"a variable that begins with {self._prefix}", "another text")
