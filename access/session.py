"""The cookie that a person is signed in with: signed, not encrypted, and complete in itself.

There is one way to sign and no field that names one (HMAC with SHA-256), so none can be chosen by who forges.
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

#: Characters of a cookie that are looked at; a longer one is none of ours.
COOKIE_LIMIT: Final = 1024
#: Cookies that are known to be sealed with the key.
KNOWN_COOKIES: Final = 1024
#: Bytes of randomness in a session's id.
ID_BYTES: Final = 16
_SALT: Final = b"dispycluster session 1"


class Session(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the cookie says. Times are Unix seconds."""

    #: Of the browser that it began in, a dot, and its own.
    id: str
    user: str
    #: Of the store that knows what was revoked.
    generation: str
    #: Changes with the user's password.
    stamp: str
    issued: float
    #: From when it is not valid, however it is used.
    expires: float
    #: From when it is not valid unless it was used, which renews it.
    idle_from: float

    @property
    def device(self) -> str:
        """The browser that it began in; empty for a session that was begun by 0.1.1."""
        return device_of(self.id)

    @property
    def ends(self) -> float:
        """Unix time from which it is not valid as it is."""
        return min(self.expires, self.idle_from)

    def grant(self) -> Grant:
        """What it allows."""
        return Grant("session", self.user, frozenset((READ,)), self.id, self.issued, self.ends, self.generation)


class SessionSeal:
    """Makes cookies of sessions and reads them back.

    Two deployments under one host name have different keys, and so cookies of different names.
    """

    def __init__(self, key: bytes, until: float = math.inf) -> None:
        """``until``: Unix time from which no session of this key is valid, whatever it says itself."""
        self.key: Final = key
        self.until: Final = until
        self._signer = Signer(key, salt=_SALT, digest_method=hashlib.sha256, key_derivation="hmac")
        self.cookie: Final = "dispycluster-" + hashlib.sha256(_SALT + key).hexdigest()[:8]
        # All pages of a person come back with the same one; what is refused is not kept.
        self._opened = lru_cache(KNOWN_COOKIES)(self._open)

    def seal(self, session: Session) -> str:
        """Return the cookie's value."""
        payload = base64.urlsafe_b64encode(msgspec.json.encode(session)).rstrip(b"=")
        return self._signer.sign(payload).decode()

    def open(self, cookie: str) -> Session:
        """Return what a cookie says, whether it is still valid or not.

        Raises:
            Refused: it was not sealed with this key.
        """
        try:
            return self._opened(cookie)
        except (BadSignature, ValueError):
            raise sign_in_required("The session is not one of this installation.") from None

    def _open(self, cookie: str) -> Session:
        if len(cookie) > COOKIE_LIMIT:
            raise BadSignature("too long")
        payload = self._signer.unsign(cookie.encode("ascii"))
        padding = b"=" * (-len(payload) % 4)
        session = msgspec.json.decode(base64.urlsafe_b64decode(payload + padding), type=Session)
        return session if session.expires <= self.until else msgspec.structs.replace(session, expires=self.until)
