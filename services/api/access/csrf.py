"""Checks that a form was created by this deployment, for the person who sends it.

Each form contains a token for its user. In addition, browsers name the page that sent the form. Programs' tokens need
no such check, because a foreign page cannot make a browser send one.
"""

import hashlib
import re
import secrets
from typing import Final

from flask import Response, request
from itsdangerous import Signer

from access.grant import Grant
from access.session import SessionSeal
from access.session_keys import SessionKeys
from access.web_origin import WebOrigin, normal_origin, origin_of_url, same_host
from api.access.client_address import is_encrypted
from api.access.cookies import SIGN_IN
from api.counters import Counters
from api.language import gettext
from api.problems import RequestRefused
from api.responses import wants_page

#: Largest form, in bytes.
FORM_BYTES: Final = 8 * 1024
#: Methods that change nothing.
SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
#: Name of the form field with the token.
FIELD: Final = "csrf"

_SALT: Final = b"dispycluster form 1"
_NONCE: Final = re.compile(r"[\w-]{22}", re.ASCII)
_NONCE_BYTES: Final = 16
_URLENCODED: Final = "application/x-www-form-urlencoded"


class FormTokens:
    """Creates and checks the tokens of forms."""

    def __init__(self, keys: SessionKeys, public_url: WebOrigin | None, counters: Counters) -> None:
        """``public_url`` is the public URL of the deployment, if configured."""
        self._counters = counters
        self._keys = keys
        self._public_url = public_url

    def token_for(self, grant: Grant) -> str:
        """Return the form token of a signed-in person; empty for a program, which sends no forms."""
        return _token(self._keys.seal, grant)

    def visitor_token(self, response: Response) -> str:
        """Return the form token of a person who is not signed in, and add its cookie to ``response``."""
        seal = self._keys.seal
        nonce = _nonce(seal) or secrets.token_urlsafe(_NONCE_BYTES)
        response.set_cookie(_cookie(seal), nonce, path=SIGN_IN, httponly=True, samesite="Lax", secure=is_encrypted())
        return _visitor_token(seal, nonce)

    def require_valid_form(self, grant: Grant | None) -> None:
        """Check that this request is a form that this deployment created for ``grant``, or for a visitor.

        Raises:
            RequestRefused: the request is not such a form.
        """
        self._require_own_page()
        _require_form()
        received = request.form.get(FIELD, "").encode(errors="replace")
        # The form may be older than the current key.
        for seal in self._keys.seals():
            expected = _token(seal, grant) if grant is not None else _visitor_token(seal, _nonce(seal))
            if expected and secrets.compare_digest(received, expected.encode()):
                return
        raise self._refused()

    def _require_own_page(self) -> None:
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise self._refused()
        origin, referrer = request.headers.get("Origin"), request.headers.get("Referer")
        if origin is None and not referrer:
            return  # the token is enough: no foreign page can read it
        page = normal_origin(origin) if origin is not None else origin_of_url(referrer or "")
        if page is None or not (page == self._public_url or same_host(page, request.headers.get("Host", ""))):
            raise self._refused()

    def _refused(self) -> RequestRefused:
        self._counters.refusals.labels("form").inc()
        text = gettext("This form is too old, or another site sent it. Go back, reload the page, and try again.")
        return RequestRefused(403, text, as_page=wants_page())


def _token(seal: SessionSeal, grant: Grant) -> str:
    return "" if grant.by == "token" else _sign(seal, f"{grant.by}:{grant.id or grant.name}")


def _visitor_token(seal: SessionSeal, nonce: str | None) -> str:
    return _sign(seal, f"visitor:{nonce}") if nonce else ""


def _nonce(seal: SessionSeal) -> str | None:
    nonce = request.cookies.get(_cookie(seal), "")
    return nonce if _NONCE.fullmatch(nonce) else None


def _cookie(seal: SessionSeal) -> str:
    return seal.cookie + "-form"


def _sign(seal: SessionSeal, subject: str) -> str:
    return (
        Signer(seal.key, salt=_SALT, digest_method=hashlib.sha256, key_derivation="hmac")
        .get_signature(subject)
        .decode()
    )


def _require_form() -> None:
    """Refuse a body that a thread would have to wait for, before reading it.

    A small body of known length arrives before the request gets a thread.
    """
    request.max_content_length = request.max_form_memory_size = FORM_BYTES
    if (request.content_length or 0) > FORM_BYTES:
        raise RequestRefused(413, gettext("This form is too large."), as_page=wants_page())
    is_delayed = "Transfer-Encoding" in request.headers or "Expect" in request.headers
    if is_delayed or (request.content_length and request.mimetype != _URLENCODED):
        raise RequestRefused(400, gettext("This is not a valid form."), as_page=wants_page())
