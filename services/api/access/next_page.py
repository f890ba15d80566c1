"""Where people go on after they have signed in: a page of ours, whatever the address says."""

from typing import Final
from urllib.parse import quote, urlencode

from flask import request

#: Where people go who did not want to go anywhere.
HOME: Final = "/"
SIGN_IN: Final = "/login"
#: Characters of an address that is remembered.
_LONGEST: Final = 2000
_NOT_AGAIN: Final = frozenset((SIGN_IN, "/logout"))


def safe_next(text: str) -> str:
    """Return a path of this site with its query; ``HOME`` where ``text`` is none.

    Browsers take a backslash for a slash, two slashes for another host, and leave control characters out.
    """
    if not text.startswith("/") or text.startswith("//") or "\\" in text or len(text) > _LONGEST:
        return HOME
    if not text.isprintable() or " " in text:
        return HOME
    return HOME if text.partition("?")[0].rstrip("/") in _NOT_AGAIN else text


def sign_in_address() -> str:
    """The address of the sign-in page that leads back to what this request asks for."""
    if request.method not in ("GET", "HEAD"):
        return SIGN_IN
    query = request.query_string.decode("latin-1")
    wanted = quote(request.path) + (f"?{query}" if query else "")
    wanted = safe_next(wanted)
    return f"{SIGN_IN}?{urlencode({'next': wanted})}"
