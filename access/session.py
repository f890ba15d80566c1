"""The session cookie of a signed-in person: signed, not encrypted, and self-contained.

The signature is always HMAC with SHA-256. The cookie has no field that names an algorithm, so an attacker cannot choose
a weaker one.
"""

import base64
import hashlib
import math
from functools import lru_cache
from typing import Final

import msgspec
from itsdangerous import BadSignature, Signer

from access.grant import READ, Grant, sign_in_required
from access.revocations import device_of

#: Longest valid cookie in characters.
COOKIE_LIMIT: Final = 1024
#: Verified cookies that are cached.
CACHED_COOKIES: Final = 1024
#: Bytes of randomness in a session's id.
ID_BYTES: Final = 16
_SALT: Final = b"dispycluster session 1"


class Session(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The content of the cookie. Times are Unix seconds."""

    #: ``<id of the browser in which the session began>.<id of the session>``.
    id: str
    user: str
    #: Generation of the revocation store.
    generation: str
    #: Changes with the user's password.
    stamp: str
    issued: float
    #: End of the session, however often it is used.
    expires: float
    #: End of the session unless it is used, which postpones this time.
    idle_from: float

    @property
    def device(self) -> str:
        """Id of the browser in which the session began; empty for a session of release 0.1.1."""
        return device_of(self.id)

    @property
    def ends(self) -> float:
        """End of the session if it is not used again."""
        return min(self.expires, self.idle_from)

    def grant(self) -> Grant:
        """Return the grant of the session."""
        return Grant("session", self.user, frozenset((READ,)), self.id, self.issued, self.ends, self.generation)


class SessionSeal:
    """Signs sessions as cookies and reads them back.

    The cookie's name depends on the key, so that two deployments under one host name do not disturb each other.
    """

    def __init__(self, key: bytes, until: float = math.inf) -> None:
        """``until``: Unix time at which every session of this key expires."""
        self.key: Final = key
        self.until: Final = until
        self._signer = Signer(key, salt=_SALT, digest_method=hashlib.sha256, key_derivation="hmac")
        self.cookie: Final = "dispycluster-" + hashlib.sha256(_SALT + key).hexdigest()[:8]
        # All pages of a person send the same cookie. An error is not cached.
        self._opened = lru_cache(CACHED_COOKIES)(self._open)

    def seal(self, session: Session) -> str:
        """Return the cookie's value."""
        payload = base64.urlsafe_b64encode(msgspec.json.encode(session)).rstrip(b"=")
        return self._signer.sign(payload).decode()

    def open(self, cookie: str) -> Session:
        """Return the session in a cookie, valid or not.

        Raises:
            AccessDenied: the cookie was not signed with this key.
        """
        try:
            return self._opened(cookie)
        except (BadSignature, ValueError):
            raise sign_in_required("The session belongs to another installation.") from None

    def _open(self, cookie: str) -> Session:
        if len(cookie) > COOKIE_LIMIT:
            raise BadSignature("too long")
        payload = self._signer.unsign(cookie.encode("ascii"))
        padding = b"=" * (-len(payload) % 4)
        session = msgspec.json.decode(base64.urlsafe_b64decode(payload + padding), type=Session)
        return session if session.expires <= self.until else msgspec.structs.replace(session, expires=self.until)
