"""Headers that tell browsers what not to do."""

from typing import Final

from flask import Response

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: For everything that is not a page: nothing in it is ever to be run or framed.
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def protect(response: Response) -> Response:
    """Add the security headers; an ``after_request`` function."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Content-Security-Policy"] = PAGE_POLICY if response.mimetype == "text/html" else DATA_POLICY
    return response
