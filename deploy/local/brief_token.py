"""A token for the minutes of a start: who starts the product sees whether it shows data, where all must sign in too.

Standard library only, Python 3.9 and later: hosts without a venv use it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Seconds for which it is valid, if whoever made it does not get to remove it: longer than the slowest start.
VALID_SECONDS = 600.0
#: What the tokens of the product begin with.
_PREFIX = "dcl_"


@dataclass(frozen=True)
class BriefToken:
    """A secret that is in no file, and the file that makes it valid."""

    name: str
    secret: str
    #: Unix time.
    created: float

    @classmethod
    def new(cls) -> BriefToken:
        """Make one, under a name that is nobody's."""
        import secrets  # Only here and below: OpenSSL takes 5 MB, and most starts need no token.

        return cls(f"start-{secrets.token_hex(4)}", _PREFIX + secrets.token_urlsafe(32), time.time())

    @property
    def headers(self) -> dict[str, str]:
        """The header of a request that shows it."""
        return {"Authorization": f"Bearer {self.secret}"}

    def file(self) -> str:
        """What the folder of tokens is to hold under its name."""
        import hashlib

        digest = hashlib.sha256(self.secret.encode()).hexdigest()
        expires = self.created + VALID_SECONDS
        return json.dumps({"sha256": digest, "scopes": ["read"], "created": self.created, "expires": expires})


@contextmanager
def credentials(folder: Path | None) -> Iterator[dict[str, str]]:
    """Headers that let their sender in for as long as the block lasts: of a token in ``folder``, the tokens' own.

    Without a folder nobody is asked, and there are none.

    Raises:
        OSError: the folder cannot be written.
    """
    if folder is None:
        yield {}
        return
    token = BriefToken.new()
    path, new = folder / token.name, folder / f".{token.name}"
    try:
        new.write_text(token.file())
        # Whoever reads the folder may be another user; nobody else gets into it.
        new.chmod(0o644)
        os.replace(new, path)
        yield token.headers
    finally:
        for each in (new, path):
            if each.exists():
                each.unlink()
