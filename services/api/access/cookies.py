"""Cookies of people who sign in: the session, and the browser in which a user has signed in before."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec
from flask import Response, g, request
from itsdangerous import Signer

from access.session import ID_BYTES, Session, SessionSeal
from access.session_keys import SessionKeys
from api.access.client_address import is_encrypted

#: Path of the sign-in page. Browsers send the device cookie only there.
SIGN_IN: Final = "/login"
#: A session is renewed once it has lost this many seconds of its idle time, or this fraction if that is less.
RENEWAL_SECONDS: Final = 60.0
RENEWAL_PART: Final = 0.1
#: Seconds since the last sign-in for which a browser is known.
KNOWN_SECONDS: Final = 180 * 24 * 3600

_DEVICE_SALT: Final = b"dispycluster device 1"
_DEVICE_BYTES: Final = 16
_DEVICE_VALUE: Final = re.compile(r"([\w-]{22})\.(\d{1,12})\.([\w-]{43})", re.ASCII)


class SessionCookie:
    """Sets the session cookie. A session ends at a fixed time, or earlier if it is idle."""

    def __init__(
        self,
        keys: SessionKeys,
        session_seconds: float,
        idle_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._session_seconds = session_seconds
        self._idle_seconds = idle_seconds
        self._renewed_below = idle_seconds - min(RENEWAL_SECONDS, idle_seconds * RENEWAL_PART)
        self._clock = clock

    def begin(self, response: Response, user: str, stamp: str, generation: str, device: str, issued: float) -> Session:
        """Start a session in ``response`` and return it. ``issued`` is Unix time and not in the future."""
        now = self._clock()
        session = Session(
            id=f"{device}.{secrets.token_urlsafe(ID_BYTES)}",
            user=user,
            generation=generation,
            stamp=stamp,
            issued=issued,
            expires=self.latest_end(issued),
            idle_from=now + self._idle_seconds,
        )
        g.session = None  # the request's previous session is not renewed
        self._set(response, session, now)
        return session

    def latest_end(self, issued: float) -> float:
        """Return the Unix time at which every session issued at ``issued`` or earlier has ended."""
        return issued + self._session_seconds

    def renew(self, response: Response) -> None:
        """Renew the request's session if it has lost enough idle time, or sign it with a new key."""
        session: Session | None = g.get("session")
        if session is None:
            return
        now = self._clock()
        # Only the idle time changes, so a revocation covers every cookie of the session.
        if session.idle_from < session.expires and session.idle_from - now < self._renewed_below:
            self._set(response, msgspec.structs.replace(session, idle_from=now + self._idle_seconds), now)
        elif self._keys.seal.cookie not in request.cookies:
            self._set(response, session, now)

    def end(self, response: Response) -> None:
        """Remove the session cookie."""
        g.session = None
        for seal in self._keys.seals():
            response.delete_cookie(seal.cookie, path="/", httponly=True, samesite="Lax", secure=is_encrypted())

    def _set(self, response: Response, session: Session, now: float) -> None:
        seal = self._keys.seal
        response.set_cookie(
            seal.cookie,
            seal.seal(session),
            max_age=max(1, int(session.ends - now)),
            path="/",
            httponly=True,
            samesite="Lax",
            secure=is_encrypted(),
        )


class DeviceCookie:
    """Recognizes a browser in which a user has signed in before, so that guessing elsewhere does not lock the user out.

    Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies". Each user of a browser has a cookie of its
    own: an id, a time, and a signature that covers the user's name and the password's stamp. The cookie is void for
    another user and after a change of the password. It grants no access; sign-in attempts are counted by it.
    """

    def __init__(self, keys: SessionKeys, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock

    def known(self, user: str, stamp: str) -> str:
        """Return the id of the browser if it has a valid cookie of this user, else an empty text.

        ``stamp`` is the stamp of the user's password. It is empty for an unknown user, whose check takes as long.
        """
        for seal in self._keys.seals():
            found = _DEVICE_VALUE.fullmatch(request.cookies.get(_name(seal, user), ""))
            if found is None:
                continue
            device, issued, signature = found.groups()
            is_ours = secrets.compare_digest(signature, _signature(seal, user, stamp, device, issued))
            if is_ours and stamp and self._clock() - int(issued) < KNOWN_SECONDS:
                return device
        return ""

    def give(self, response: Response, user: str, stamp: str, device: str) -> None:
        """Set the cookie that identifies the browser as ``device``."""
        issued, seal = str(int(self._clock())), self._keys.seal
        response.set_cookie(
            _name(seal, user),
            f"{device}.{issued}.{_signature(seal, user, stamp, device, issued)}",
            max_age=KNOWN_SECONDS,
            path=SIGN_IN,
            httponly=True,
            samesite="Lax",
            secure=is_encrypted(),
        )


def new_device() -> str:
    """Return the id of a browser in which nobody has signed in before."""
    return secrets.token_urlsafe(_DEVICE_BYTES)


def _name(seal: SessionSeal, user: str) -> str:
    digest = hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{seal.cookie}-device-{digest}"


def _signature(seal: SessionSeal, *signed: str) -> str:
    signer = Signer(seal.key, salt=_DEVICE_SALT, digest_method=hashlib.sha256, key_derivation="hmac")
    return signer.get_signature("\n".join(signed).encode(errors="surrogatepass")).decode()
