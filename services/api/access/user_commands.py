"""``user …``: the people who may sign in."""

import re
import time
from pathlib import Path
from typing import Final

from access.folder import Folder
from access.revocations import KEPT_SECONDS, revocation_of_user
from api.access.command_line import (
    CommandError,
    NotRevoked,
    ask_password,
    folder_of,
    keep,
    revoke,
    show,
    show_patch,
    tell,
)
from api.access.files import require_name
from api.access.passwords import hash_password
from api.access.users import StoredUser
from contract.codec import encode
from runtime.clock import timestamp
from runtime.quoted import quoted
from runtime.settings import Environment

#: Names of people whom a proxy signs in besides.
_ANY_NAME: Final = re.compile(r"[\w.@+-]{1,128}", re.ASCII)


class UserCommands:
    """Each is a command. Raises ``CommandError``, ``FileProblem``, ``UnusablePassword`` or ``SettingError``."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def add(self, name: str) -> None:
        """Let somebody sign in who could not."""
        require_name(name)
        if (self._folder / name).exists():
            raise CommandError(f"there is a user {name!r} already; user password sets another password")
        tell(f"{name!r} may sign in{keep(self._folder, name, _content(ask_password()))}")

    def password(self, name: str) -> None:
        """Set another password."""
        self._require(name)
        if when := keep(self._folder, name, _content(ask_password())):
            # With that, the sessions of the former one end.
            tell(f"{name!r} has another password{when}")
        else:
            self._sign_out(name, f"{name!r} has another password")

    def remove(self, name: str) -> None:
        """Let somebody in no more."""
        self._require(name)
        when = keep(self._folder, name, None)
        self._sign_out(name, f"{name!r} may sign in no more{when}")

    def sign_out(self, name: str) -> None:
        """End all sessions of somebody, who may sign in again."""
        if not _ANY_NAME.fullmatch(name):
            raise CommandError(f"{quoted(name)} is no name")
        try:
            self._revoke(name)
        except NotRevoked as error:
            raise CommandError(f"{name!r} is still signed in: Redis did not take it: {error}") from None
        tell(f"{name!r} is signed out everywhere")

    def list(self) -> None:
        """Show who may sign in, and since when."""
        for name, stored in sorted(Folder(self._folder, "user", StoredUser).files().items()):
            show(f"{name}\t{timestamp(stored.created)}")

    def patch(self, name: str, is_removed: bool) -> None:
        """Show what puts a user into a Kubernetes Secret, or takes him out of it."""
        require_name(name)
        if not is_removed:
            show_patch(name, _content(ask_password()))
            return
        show_patch(name, None)
        self._sign_out(name, f"{name!r} may sign in no more once the Secret is patched")

    @property
    def _folder(self) -> Path:
        return folder_of(self._environment, "ACCESS_USERS_DIR")

    def _require(self, name: str) -> None:
        require_name(name)
        if not (self._folder / name).exists():
            raise CommandError(f"there is no user {name!r} in {self._folder}")

    def _sign_out(self, name: str, done: str) -> None:
        try:
            self._revoke(name)
        except NotRevoked as error:
            tell(f"{done}, but Redis did not take it, and sockets that are open stay so: {error}")
        else:
            tell(f"{done}, and is signed out everywhere")

    def _revoke(self, name: str) -> None:
        now = time.time()
        revoke(self._environment, revocation_of_user(name, now), now + KEPT_SECONDS)


def _content(password: str) -> bytes:
    return encode(StoredUser(hash=hash_password(password), created=time.time()))
