"""The folder of access: the key that signs sessions, the users, and the tokens of programs."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.local.valkey import write_private

#: Bytes of randomness in the key.
KEY_BYTES: Final = 32
_PRIVATE: Final = 0o700


class AccessDir:
    """``path``, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.key: Final = path / "key"
        self.users: Final = path / "users"
        self.tokens: Final = path / "tokens"

    def make(self, owner: tuple[int, int] | None = None) -> None:
        """Make what is missing and leave what is there; ``owner``: whose it is to be, by the ids of user and group.

        Raises:
            OSError: the folder cannot be written.
        """
        for folder in (self.path, self.users, self.tokens):
            folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            folder.chmod(_PRIVATE)
        if not self.key.exists():
            new = self.path / f".key-{os.getpid()}"
            write_private(new, os.urandom(KEY_BYTES).hex() + "\n")
            with suppress(FileExistsError):  # another process was faster, and may use its key already
                os.link(new, self.key)
            new.unlink()
        if owner is not None:
            for path in (self.path, self.key, self.users, self.tokens):
                os.chown(path, *owner)

    def variables(self) -> dict[str, str]:
        """What tells a service of it; the users are for the api alone."""
        return {"ACCESS_KEY_FILE": str(self.key), "ACCESS_TOKENS_DIR": str(self.tokens)}

    def is_empty(self) -> bool:
        """Whether nobody could sign in: there is neither a user nor a token."""
        return not any(_names(self.users) + _names(self.tokens))


def _names(folder: Path) -> list[str]:
    """Names of what counts in a folder: files that begin with a dot are not yet whole."""
    return [name for name in os.listdir(folder) if not name.startswith(".")] if folder.is_dir() else []
