"""What somebody was let in as."""

from dataclasses import dataclass
from typing import Final, Literal

from contract.rest import Scope

#: See everything: pages, REST, push.
READ: Final = "read"
#: Put messages on the channels.
PUBLISH: Final = "publish"
SCOPES: Final[tuple[Scope, ...]] = (READ, PUBLISH)


@dataclass(frozen=True, slots=True)
class Grant:
    """A valid credential, as it was when it was checked."""

    #: ``session``: a cookie. ``token``: a program's. ``proxy``: a header of an authenticating proxy.
    by: Literal["session", "token", "proxy"]
    #: Of the user, or of the token.
    name: str
    scopes: frozenset[Scope]
    #: What is revoked by it: the session's or the token's id; empty for a proxy's user.
    id: str
    #: Unix time; a user's grants from before a moment are revoked together.
    issued: float
    #: Unix time from which it is not valid, infinite where it has none.
    expires: float
    #: The store's generation that a session belongs to.
    generation: str = ""

    @property
    def identity(self) -> str:
        """Whose it is, over all his sessions: what limits are counted by."""
        return f"{'token' if self.by == 'token' else 'user'}:{self.name}"


class AccessDenied(Exception):
    """No entry. ``code`` is for programs, the text for people."""

    def __init__(self, code: Literal["sign_in_required", "forbidden"], text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def sign_in_required(text: str) -> AccessDenied:
    """Refuse who has shown no valid credential."""
    return AccessDenied("sign_in_required", text)


def require_scope(grant: Grant, scope: Scope) -> None:
    """Check that a grant reaches so far.

    Raises:
        AccessDenied: it does not.
    """
    if scope not in grant.scopes:
        raise AccessDenied("forbidden", f"This needs the scope {scope!r}, which {grant.name!r} does not have.")
