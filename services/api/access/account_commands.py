"""``user …`` and ``token …``: the people who may sign in, and what programs show in place of a password."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from access.credential_folder import CredentialFolder
from access.revocations import RETENTION_SECONDS, revocation_of_user
from access.tokens import PreviousToken, StoredToken, new_token, token_digest, token_id
from api.access.command_line import (
    CommandEnvironment,
    CommandError,
    NotRevoked,
    NotRunning,
    ask_password,
    folder_of,
    keep,
    require_name,
    require_output,
    require_readable,
    revoke,
    show,
    show_patch,
    tell,
)
from api.access.users import StoredUser, hash_password
from contract.codec import encode
from contract.rest import Scope
from runtime.clock import timestamp
from runtime.quoting import quoted

#: Names of people whom a proxy signs in besides.
_ANY_NAME: Final = re.compile(r"[\w.@+-]{1,128}", re.ASCII)
_DAY_SECONDS: Final = 24 * 3600


class UserCommands:
    """Each is a command. Raises ``CommandError``, ``UnusablePassword`` or ``SettingError``."""

    def __init__(self, environment: CommandEnvironment) -> None:
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
        except NotRunning as error:
            raise CommandError(f"{name!r} cannot be signed out now. {error}") from None
        except NotRevoked as error:
            raise CommandError(f"{name!r} is still signed in: Redis did not take it: {error}") from None
        tell(f"{name!r} is signed out everywhere")

    def list(self) -> None:
        """Show who may sign in, and since when."""
        require_readable(self._folder)
        for name, stored in sorted(CredentialFolder(self._folder, "user", StoredUser).files().items()):
            show(f"{name}\t{timestamp(stored.created)}")

    def patch(self, name: str, is_removed: bool) -> None:
        """Show what puts a user into a Kubernetes Secret, or takes him out of it."""
        require_name(name)
        if not is_removed:
            show_patch({name: _content(ask_password())})
            return
        show_patch({name: None})
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
        except NotRunning as error:
            tell(f"{done}. What was signed in before stays so until you call this while it runs: user sign-out {name}")
            tell(str(error))
        except NotRevoked as error:
            tell(f"{done}, but Redis did not take it, and sockets that are open stay so: {error}")
        else:
            tell(f"{done}, and is signed out everywhere")

    def _revoke(self, name: str) -> None:
        now = time.time()
        revoke(self._environment, revocation_of_user(name, now), now + RETENTION_SECONDS)


def _content(password: str) -> bytes:
    return encode(StoredUser(hash=hash_password(password), created=time.time()))


class TokenCommands:
    """Each is a command. Raises ``CommandError`` or ``SettingError``."""

    def __init__(self, environment: CommandEnvironment) -> None:
        self._environment = environment

    def add(self, name: str, scopes: Sequence[Scope], days: int | None) -> None:
        """Make a token, and show it this once."""
        require_name(name)
        if (self._folder / name).exists():
            raise CommandError(f"there is a token {name!r} already; token remove makes room for another")
        require_output()
        token, stored = _made(scopes, days)
        if when := keep(self._folder, name, encode(stored)):
            tell(f"the token {name!r}: {_described(stored)}. It is good{when}, and shown this once:")
            tell(token)
        else:
            tell(f"the token {name!r}: {_described(stored)}. It is shown this once:")
            show(token)

    def rotate(self, name: str, hours: int) -> None:
        """Make another token of that name, and show it this once; the former one is good for so many hours."""
        require_name(name)
        former = self._stored(name)
        if former is None:
            raise CommandError(f"the token {name!r} cannot be read; token remove makes room for another")
        require_output()
        now = time.time()
        ends = now + hours * 3600
        kept = [old for old in former.previous if old.until > now]
        kept.append(PreviousToken(former.sha256, former.created, former.expires, ends))
        days = None if former.expires is None else (former.expires - former.created) / _DAY_SECONDS
        token, stored = _made(former.scopes, days)
        if hours:
            stored = msgspec.structs.replace(stored, previous=tuple(kept))
        when = keep(self._folder, name, encode(stored))
        told = f"the former is good until {timestamp(ends)}" if hours else "the former is good for nothing"
        tell(f"the token {name!r}: {_described(stored)}; {told}{when}. The new one is shown this once:")
        if when:
            tell(token)
        else:
            show(token)
        if not hours:
            self._revoke(former, f"the former token {name!r} is replaced{when}")

    def remove(self, name: str) -> None:
        """Make a token worth nothing."""
        require_name(name)
        stored = self._stored(name)
        when = keep(self._folder, name, None)
        self._revoke(stored, f"the token {name!r} is removed{when}")

    def list(self) -> None:
        """Show what tokens there are, and what they are good for."""
        require_readable(self._folder)
        for name, stored in sorted(self._files().files().items()):
            show(f"{name}\t{timestamp(stored.created)}\t{_described(stored)}")

    def patch(self, name: str, scopes: Sequence[Scope], days: int | None) -> None:
        """Make a token, and show what puts it into a Kubernetes Secret."""
        require_name(name)
        token, stored = _made(scopes, days)
        tell(f"the token {name!r}: {_described(stored)}. It is good once the Secret is patched, and shown this once:")
        tell(token)
        show_patch({name: encode(stored)})

    def patch_away(self, name: str) -> None:
        """Make a token worth nothing, and show what takes it out of a Kubernetes Secret."""
        require_name(name)
        stored = self._stored(name)
        show_patch({name: None})
        self._revoke(stored, f"the token {name!r} is removed once the Secret is patched")

    @property
    def _folder(self) -> Path:
        return folder_of(self._environment, "ACCESS_TOKENS_DIR")

    def _files(self) -> CredentialFolder[StoredToken]:
        return CredentialFolder(self._folder, "token", StoredToken)

    def _stored(self, name: str) -> StoredToken | None:
        """What is stored of a token; ``None`` for one that is none."""
        if not (self._folder / name).exists():
            raise CommandError(f"there is no token {quoted(name)} in {self._folder}")
        return self._files().files().get(name)

    def _revoke(self, stored: StoredToken | None, done: str) -> None:
        if stored is None:
            tell(f"{done}; it was none")
            return
        until = time.time() + RETENTION_SECONDS if stored.expires is None else stored.expires
        try:
            for sha256 in (stored.sha256, *(old.sha256 for old in stored.previous)):
                revoke(self._environment, f"token:{token_id(sha256)}", until)
        except NotRunning:  # every service reads the folder when it starts
            tell(f"{done}, and good for nothing from now on")
        except NotRevoked as error:
            tell(f"{done}, but Redis did not take it, and may be good until every service has seen that: {error}")
        else:
            tell(f"{done}, and good for nothing from now on")


def _made(scopes: Sequence[Scope], days: float | None) -> tuple[str, StoredToken]:
    token, now = new_token(), time.time()
    expires = None if days is None else now + days * _DAY_SECONDS
    return token, StoredToken(
        sha256=token_digest(token), scopes=tuple(dict.fromkeys(scopes)), created=now, expires=expires
    )


def _described(stored: StoredToken) -> str:
    until = "does not expire" if stored.expires is None else f"until {timestamp(stored.expires)}"
    return f"{', '.join(stored.scopes)}, {until}"
