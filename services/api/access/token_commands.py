"""``token …``: what programs show in place of a password."""

import time
from collections.abc import Sequence
from pathlib import Path

from access.folder import Folder
from access.revocations import KEPT_SECONDS
from access.tokens import StoredToken, digest_of, id_of, new_token
from api.access.command_line import CommandError, NotRevoked, folder_of, keep, revoke, show, show_patch, tell
from api.access.files import require_name
from contract.codec import encode
from contract.rest import Scope
from runtime.clock import timestamp
from runtime.quoted import quoted
from runtime.settings import Environment

_DAY_SECONDS = 24 * 3600


class TokenCommands:
    """Each is a command. Raises ``CommandError``, ``FileProblem`` or ``SettingError``."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def add(self, name: str, scopes: Sequence[Scope], days: int | None) -> None:
        """Make a token, and show it this once."""
        require_name(name)
        if (self._folder / name).exists():
            raise CommandError(f"there is a token {name!r} already; token remove makes room for another")
        token, stored = _made(scopes, days)
        if when := keep(self._folder, name, encode(stored)):
            tell(f"the token {name!r}: {_described(stored)}. It is good{when}, and shown this once:")
            tell(token)
        else:
            tell(f"the token {name!r}: {_described(stored)}. It is shown this once:")
            show(token)

    def remove(self, name: str) -> None:
        """Make a token worth nothing."""
        require_name(name)
        stored = self._stored(name)
        when = keep(self._folder, name, None)
        self._revoke(stored, f"the token {name!r} is removed{when}")

    def list(self) -> None:
        """Show what tokens there are, and what they are good for."""
        for name, stored in sorted(self._files().files().items()):
            show(f"{name}\t{timestamp(stored.created)}\t{_described(stored)}")

    def patch(self, name: str, scopes: Sequence[Scope], days: int | None) -> None:
        """Make a token, and show what puts it into a Kubernetes Secret."""
        require_name(name)
        token, stored = _made(scopes, days)
        tell(f"the token {name!r}: {_described(stored)}. It is good once the Secret is patched, and shown this once:")
        tell(token)
        show_patch(name, encode(stored))

    def patch_away(self, name: str) -> None:
        """Make a token worth nothing, and show what takes it out of a Kubernetes Secret."""
        require_name(name)
        stored = self._stored(name)
        show_patch(name, None)
        self._revoke(stored, f"the token {name!r} is removed once the Secret is patched")

    @property
    def _folder(self) -> Path:
        return folder_of(self._environment, "ACCESS_TOKENS_DIR")

    def _files(self) -> Folder[StoredToken]:
        return Folder(self._folder, "token", StoredToken)

    def _stored(self, name: str) -> StoredToken | None:
        """What is stored of a token; ``None`` for one that is none."""
        if not (self._folder / name).exists():
            raise CommandError(f"there is no token {quoted(name)} in {self._folder}")
        return self._files().files().get(name)

    def _revoke(self, stored: StoredToken | None, done: str) -> None:
        if stored is None:
            tell(f"{done}; it was none")
            return
        until = time.time() + KEPT_SECONDS if stored.expires is None else stored.expires
        try:
            revoke(self._environment, f"token:{id_of(stored.sha256)}", until)
        except NotRevoked as error:
            tell(f"{done}, but Redis did not take it, and may be good until every service has seen that: {error}")
        else:
            tell(f"{done}, and good for nothing from now on")


def _made(scopes: Sequence[Scope], days: int | None) -> tuple[str, StoredToken]:
    token, now = new_token(), time.time()
    expires = None if days is None else now + days * _DAY_SECONDS
    return token, StoredToken(
        sha256=digest_of(token), scopes=tuple(dict.fromkeys(scopes)), created=now, expires=expires
    )


def _described(stored: StoredToken) -> str:
    until = "does not expire" if stored.expires is None else f"until {timestamp(stored.expires)}"
    return f"{', '.join(stored.scopes)}, {until}"
