"""``user …`` and ``token …``: commands for the accounts of people and programs."""

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
    ProductNotRunning,
    RevocationFailed,
    ask_password,
    change_file,
    folder_of,
    print_message,
    print_output,
    print_patch,
    require_name,
    require_output,
    require_readable,
    revoke,
)
from api.access.users import StoredUser, hash_password
from contract.codec import encode
from contract.rest import Scope
from runtime.clock import timestamp
from runtime.quoting import quoted

#: User names of people whom a proxy signs in.
_ANY_NAME: Final = re.compile(r"[\w.@+-]{1,128}", re.ASCII)
_DAY_SECONDS: Final = 24 * 3600


class UserCommands:
    """Each method is a command. Raises ``CommandError``, ``UnusablePassword`` or ``SettingError``."""

    def __init__(self, environment: CommandEnvironment) -> None:
        self._environment = environment

    def add(self, name: str) -> None:
        """Add a user."""
        require_name(name)
        if (self._folder / name).exists():
            raise CommandError(f"the user {name!r} already exists; 'user password' changes the password")
        print_message(f"{name!r} may sign in{change_file(self._folder, name, _content(ask_password()))}")

    def password(self, name: str) -> None:
        """Set another password."""
        self._require(name)
        if when := change_file(self._folder, name, _content(ask_password())):
            # The sessions of the previous password end when the file changes.
            print_message(f"the password of {name!r} is changed{when}")
        else:
            self._sign_out(name, f"the password of {name!r} is changed")

    def remove(self, name: str) -> None:
        """Remove a user."""
        self._require(name)
        when = change_file(self._folder, name, None)
        self._sign_out(name, f"{name!r} can no longer sign in{when}")

    def sign_out(self, name: str) -> None:
        """End all sessions of a user, who may sign in again."""
        if not _ANY_NAME.fullmatch(name):
            raise CommandError(f"{quoted(name)} is not a valid name")
        try:
            self._revoke(name)
        except ProductNotRunning as error:
            raise CommandError(f"{name!r} cannot be signed out now. {error}") from None
        except RevocationFailed as error:
            raise CommandError(f"{name!r} is still signed in: Redis did not store the revocation: {error}") from None
        print_message(f"{name!r} is signed out everywhere")
        if not (self._folder / name).exists():
            print_message(f"Check the name: there is no user {name!r} in {self._folder}")

    def list(self) -> None:
        """List the users, with the time of the last password change."""
        require_readable(self._folder)
        for name, stored in sorted(CredentialFolder(self._folder, "user", StoredUser).files().items()):
            print_output(f"{name}\t{timestamp(stored.created)}")

    def patch(self, name: str, is_removed: bool) -> None:
        """Print the patch that adds a user to a Kubernetes Secret, or removes the user from it."""
        require_name(name)
        if not is_removed:
            print_patch({name: _content(ask_password())})
            return
        print_patch({name: None})
        self._sign_out(name, f"{name!r} can no longer sign in once the Secret is patched")

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
        except ProductNotRunning as error:
            print_message(
                f"{done}. Existing sessions go on until this command runs while the product runs: user sign-out {name}"
            )
            print_message(str(error))
        except RevocationFailed as error:
            print_message(f"{done}, but Redis did not store the revocation, and open sockets stay open: {error}")
        else:
            print_message(f"{done}, and all sessions of the user have ended")

    def _revoke(self, name: str) -> None:
        now = time.time()
        revoke(self._environment, revocation_of_user(name, now), now + RETENTION_SECONDS)


def _content(password: str) -> bytes:
    return encode(StoredUser(hash=hash_password(password), created=time.time()))


class TokenCommands:
    """Each method is a command. Raises ``CommandError`` or ``SettingError``."""

    def __init__(self, environment: CommandEnvironment) -> None:
        self._environment = environment

    def add(self, name: str, scopes: Sequence[Scope], days: int | None) -> None:
        """Create a token and show it once."""
        require_name(name)
        if (self._folder / name).exists():
            raise CommandError(f"the token {name!r} already exists; 'token remove' removes it")
        require_output()
        token, stored = _new_token(scopes, days)
        if when := change_file(self._folder, name, encode(stored)):
            print_message(f"the token {name!r}: {_described(stored)}. It is valid{when}, and is shown only once:")
            print_message(token)
        else:
            print_message(f"the token {name!r}: {_described(stored)}. It is shown only once:")
            print_output(token)

    def rotate(self, name: str, hours: int) -> None:
        """Create another token of that name and show it once. The previous token stays valid for ``hours``."""
        require_name(name)
        previous = self._stored(name)
        if previous is None:
            raise CommandError(f"the token {name!r} cannot be read; 'token remove' removes it")
        require_output()
        now = time.time()
        ends = now + hours * 3600
        kept = [old for old in previous.previous if old.until > now]
        kept.append(PreviousToken(previous.sha256, previous.created, previous.expires, ends))
        days = None if previous.expires is None else (previous.expires - previous.created) / _DAY_SECONDS
        token, stored = _new_token(previous.scopes, days)
        if hours:
            stored = msgspec.structs.replace(stored, previous=tuple(kept))
        when = change_file(self._folder, name, encode(stored))
        previous_text = (
            f"the previous one is valid until {timestamp(ends)}" if hours else "the previous one is no longer valid"
        )
        print_message(
            f"the token {name!r}: {_described(stored)}; {previous_text}{when}. The new token is shown only once:"
        )
        if when:
            print_message(token)
        else:
            print_output(token)
        if not hours:
            self._revoke(previous, f"the previous token {name!r} is replaced{when}")

    def remove(self, name: str) -> None:
        """Remove a token."""
        require_name(name)
        stored = self._stored(name)
        when = change_file(self._folder, name, None)
        self._revoke(stored, f"the token {name!r} is removed{when}")

    def list(self) -> None:
        """List the tokens, with their scopes and expiry."""
        require_readable(self._folder)
        for name, stored in sorted(self._files().files().items()):
            print_output(f"{name}\t{timestamp(stored.created)}\t{_described(stored)}")

    def patch(self, name: str, scopes: Sequence[Scope], days: int | None) -> None:
        """Create a token, and print the patch that adds it to a Kubernetes Secret."""
        require_name(name)
        token, stored = _new_token(scopes, days)
        print_message(
            f"the token {name!r}: {_described(stored)}. It is valid once the Secret is patched, and is shown only once:"
        )
        print_message(token)
        print_patch({name: encode(stored)})

    def patch_removal(self, name: str) -> None:
        """Remove a token, and print the patch that removes it from a Kubernetes Secret."""
        require_name(name)
        stored = self._stored(name)
        print_patch({name: None})
        self._revoke(stored, f"the token {name!r} is removed once the Secret is patched")

    @property
    def _folder(self) -> Path:
        return folder_of(self._environment, "ACCESS_TOKENS_DIR")

    def _files(self) -> CredentialFolder[StoredToken]:
        return CredentialFolder(self._folder, "token", StoredToken)

    def _stored(self, name: str) -> StoredToken | None:
        """Return a stored token; ``None`` if its file is unreadable."""
        if not (self._folder / name).exists():
            raise CommandError(f"there is no token {quoted(name)} in {self._folder}")
        return self._files().files().get(name)

    def _revoke(self, stored: StoredToken | None, done: str) -> None:
        if stored is None:
            print_message(f"{done}; its file was not a valid token")
            return
        until = time.time() + RETENTION_SECONDS if stored.expires is None else stored.expires
        try:
            for sha256 in (stored.sha256, *(old.sha256 for old in stored.previous)):
                revoke(self._environment, f"token:{token_id(sha256)}", until)
        except ProductNotRunning:  # every service reads the folder at its start
            print_message(f"{done}, and is no longer valid")
        except RevocationFailed as error:
            print_message(
                f"{done}, but Redis did not store the revocation, and the token may stay valid for a moment: {error}"
            )
        else:
            print_message(f"{done}, and is no longer valid")


def _new_token(scopes: Sequence[Scope], days: float | None) -> tuple[str, StoredToken]:
    token, now = new_token(), time.time()
    expires = None if days is None else now + days * _DAY_SECONDS
    return token, StoredToken(
        sha256=token_digest(token), scopes=tuple(dict.fromkeys(scopes)), created=now, expires=expires
    )


def _described(stored: StoredToken) -> str:
    until = "does not expire" if stored.expires is None else f"until {timestamp(stored.expires)}"
    return f"{', '.join(stored.scopes)}, {until}"
