"""Tells a browser in which a user has signed in before from any other, so that guessing elsewhere keeps nobody out.

As OWASP describes it in "Slow Down Online Guessing Attacks with Device Cookies". The cookie is an id, a time and a
signature, which is of the user's name and password's stamp too: it is worth nothing for another user, nor after a
change of the password. It lets nobody in; attempts to sign in are counted by it.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

from flask import Response, request
from itsdangerous import Signer

from api.access.next_page import SIGN_IN
from api.access.origin import is_encrypted

#: Seconds since the last sign-in for which a browser is known.
KNOWN_SECONDS: Final = 180 * 24 * 3600

_SALT: Final = b"dispycluster device 1"
_ID_BYTES: Final = 16
_VALUE: Final = re.compile(r"([\w-]{22})\.(\d{1,12})\.([\w-]{43})", re.ASCII)


class DeviceCookie:
    """Gives these cookies, one a user, and knows them again."""

    def __init__(self, key: bytes, cookie: str, clock: Callable[[], float] = time.time) -> None:
        """``cookie`` names the session's."""
        self._signer = Signer(key, salt=_SALT, digest_method=hashlib.sha256, key_derivation="hmac")
        self._cookie = cookie
        self._clock = clock

    def known(self, user: str, stamp: str) -> str:
        """Id of the browser, where it has a valid cookie of this user; else empty.

        ``stamp`` is of the user's password, empty where there is no such user, which takes as long.
        """
        found = _VALUE.fullmatch(request.cookies.get(self._name(user), ""))
        if found is None:
            return ""
        device, given, signature = found.groups()
        is_ours = secrets.compare_digest(signature, self._signature(user, stamp, device, given))
        return device if is_ours and stamp and self._clock() - int(given) < KNOWN_SECONDS else ""

    def give(self, response: Response, user: str, stamp: str, device: str) -> None:
        """Have the browser that gets this answer known as ``device``."""
        given = str(int(self._clock()))
        response.set_cookie(
            self._name(user),
            f"{device}.{given}.{self._signature(user, stamp, device, given)}",
            max_age=KNOWN_SECONDS,
            path=SIGN_IN,
            httponly=True,
            samesite="Lax",
            secure=is_encrypted(),
        )

    def _name(self, user: str) -> str:
        digest = hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()[:8]
        return f"{self._cookie}-device-{digest}"

    def _signature(self, *signed: str) -> str:
        return self._signer.get_signature("\n".join(signed).encode(errors="surrogatepass")).decode()


def new_device() -> str:
    """Id of a browser in which nobody has signed in before."""
    return secrets.token_urlsafe(_ID_BYTES)
