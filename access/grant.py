"""Grants: the identity and the scopes of a valid credential."""

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
    """A credential that was valid when it was checked."""

    #: ``session``: a cookie. ``token``: the token of a program. ``proxy``: a header of an authenticating proxy.
    by: Literal["session", "token", "proxy"]
    #: Name of the user or of the token.
    name: str
    scopes: frozenset[Scope]
    #: Id of the session or token, for revocation; empty for a proxy's user.
    id: str
    #: Unix time. A revocation of a user covers all grants that were issued before a given time.
    issued: float
    #: Unix time of expiry; infinite without one.
    expires: float
    #: Generation of the revocation store in which the session began.
    generation: str = ""

    @property
    def identity(self) -> str:
        """Key of the rate limits: the same for all sessions of a user."""
        return f"{'token' if self.by == 'token' else 'user'}:{self.name}"


class AccessDenied(Exception):
    """The credential is missing, invalid or lacks a scope. ``code`` is for programs, ``text`` for people."""

    def __init__(self, code: Literal["sign_in_required", "forbidden"], text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def sign_in_required(text: str) -> AccessDenied:
    """Return the error for a client without a valid credential."""
    return AccessDenied("sign_in_required", text)


def require_scope(grant: Grant, scope: Scope) -> None:
    """Check that a grant has a scope.

    Raises:
        AccessDenied: the grant lacks the scope.
    """
    if scope not in grant.scopes:
        raise AccessDenied("forbidden", f"This needs the scope {scope!r}, which {grant.name!r} does not have.")
