"""A WSGI application that hands each request to the api and its answer back.

Requests and answers are taken whole before they are handed on, so a slow client never holds one of the api's threads.
The standard library does the transfer: where its sockets are patched (the gateway), waiting holds up nobody else.
"""

import http.client
import logging
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from contract.codec import encode
from contract.rest import Problem
from contract.runtime.logs import Occasionally
from deploy.local.forwarded import Forwarding

#: Seconds that the api may take over an answer.
TIMEOUT_SECONDS: Final = 60.0
#: Requests that the api is given at a time; others wait here, where waiting is cheap.
AT_A_TIME: Final = 64
BODY_LIMIT_BYTES: Final = 4 * 1024 * 1024
#: Seconds after which a client may try again.
RETRY_SECONDS: Final = 2

#: RFC 9110, 7.6.1.
_HOP_BY_HOP: Final = frozenset(
    [
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    ]
)
#: What the proxy says itself.
_OWN: Final = frozenset(["content-length", "expect", "host"])
#: Every printable ASCII character: what is quoted already stays as it is.
_SAFE: Final = "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_logger = logging.getLogger(__name__)


class ApiProxy:
    """Hands requests to ``http://host:port``."""

    def __init__(
        self, host: str, port: int, forwarding: Forwarding | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._host = host
        self._port = port
        self._forwarding = forwarding or Forwarding()
        self._timeout_seconds = timeout_seconds
        self._places = threading.BoundedSemaphore(AT_A_TIME)
        self._complaints = Occasionally(_logger)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        target = environ.get("RAW_PATH_INFO") or quote(environ["PATH_INFO"].encode("latin-1"), safe="/")
        if not target.startswith("/"):
            return refusal(environ, start_response, HTTPStatus.BAD_REQUEST, "A request names a path.")
        try:
            body = read_body(environ)
        except BadBody as error:
            return refusal(environ, start_response, error.status, str(error))
        if query := environ.get("QUERY_STRING"):
            target = f"{target}?{query}"
        if not self._places.acquire(timeout=self._timeout_seconds):
            return refusal(environ, start_response, HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests are waiting.")
        try:
            status, headers, content = self._transfer(environ, quote(target.encode("latin-1"), safe=_SAFE), body)
        except ValueError:  # a header that may not be sent on
            return refusal(environ, start_response, HTTPStatus.BAD_REQUEST, "A header is not valid.")
        except TimeoutError:
            text = f"The api took longer than {self._timeout_seconds:g} s."
            return refusal(environ, start_response, HTTPStatus.GATEWAY_TIMEOUT, text)
        except (OSError, http.client.HTTPException) as error:
            self._complaints.warning("away", "the api on %s:%d does not answer: %r", self._host, self._port, error)
            text = "The api does not answer; it may be starting."
            return refusal(environ, start_response, HTTPStatus.BAD_GATEWAY, text)
        finally:
            self._places.release()
        start_response(status, headers)
        return [content] if content else []

    def _transfer(self, environ: Environ, target: str, body: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_seconds)
        try:
            connection.putrequest(environ["REQUEST_METHOD"], target, skip_host=True, skip_accept_encoding=True)
            for name, value in request_headers(environ, self._forwarding):
                connection.putheader(name, value)
            if body or environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            content = response.read()
            headers = response_headers(response.getheaders())
            bodyless = environ["REQUEST_METHOD"] == "HEAD" or response.status in (204, 304)
            length = response.getheader("Content-Length") if bodyless else str(len(content))
            if length is not None:
                headers.append(("Content-Length", length))
            return f"{response.status} {response.reason}", headers, content
        finally:
            connection.close()


class BadBody(ValueError):
    """The body of a request cannot be handed on; ``status`` is the answer."""

    def __init__(self, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.status: Final = status


def read_body(environ: Environ) -> bytes:
    """Return the whole body of a request; one in chunks (RFC 9112, 7.1) is put together.

    Raises:
        BadBody: it is too long, ends early, or its length is not valid.
    """
    too_long = BadBody(f"A body may have {BODY_LIMIT_BYTES} bytes.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if environ.get("HTTP_TRANSFER_ENCODING"):
        # The server reads chunks, and has refused every other coding.
        try:
            body: bytes = environ["wsgi.input"].read(BODY_LIMIT_BYTES + 1)
        except ValueError as error:
            raise BadBody("The body is not valid.") from error
        if len(body) > BODY_LIMIT_BYTES:
            raise too_long
        return body
    stated = environ.get("CONTENT_LENGTH") or "0"
    if not (stated.isascii() and stated.isdigit()):
        raise BadBody("Content-Length is a number of bytes.")
    length = int(stated) if len(stated) < 20 else BODY_LIMIT_BYTES + 1
    if length > BODY_LIMIT_BYTES:
        raise too_long
    body = environ["wsgi.input"].read(length) if length else b""
    if len(body) < length:
        raise BadBody("The body ended early.")
    return body


def request_headers(environ: Environ, forwarding: Forwarding) -> list[tuple[str, str]]:
    """What the api is told of the client's headers, and from where the request came."""
    given = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    hops = _hops(given.get("connection", ""))
    sent = [
        (name, value)
        for name, value in given.items()
        if name not in hops and name not in _OWN and not forwarding.replaces(name)
    ]
    if content_type := environ.get("CONTENT_TYPE"):
        sent.append(("content-type", content_type))
    host = given.get("host") or f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}"
    origin = forwarding.headers(given, environ.get("REMOTE_ADDR", ""))
    return [("host", host), *sent, *origin, ("connection", "close")]


def response_headers(received: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the client is told of the api's headers: all but the length, and the name of the server's software."""
    headers = list(received)
    connection = ",".join(value for name, value in headers if name.lower() == "connection")
    hops = _hops(connection) | {"content-length", "server"}
    return [(name, value) for name, value in headers if name.lower() not in hops]


def _hops(connection: str) -> frozenset[str]:
    return _HOP_BY_HOP | {name.strip().lower() for name in connection.split(",")}


def refusal(environ: Environ, start_response: StartResponse, status: HTTPStatus, text: str) -> list[bytes]:
    """Answer in place of the api: a problem to programs, a page that tries again to people."""
    for_people = not environ["PATH_INFO"].startswith("/api/") and "text/html" in environ.get("HTTP_ACCEPT", "")
    if for_people:
        again = f'<meta http-equiv="refresh" content="{RETRY_SECONDS}">' if status >= 500 else ""
        kind = "text/html; charset=utf-8"
        body = f'<!doctype html><html lang="en">{again}<title>{status.phrase}</title><p>{text}</p></html>\n'.encode()
    else:
        kind = "application/problem+json"
        body = encode(Problem(title=status.phrase, status=status.value, detail=text))
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    if status >= 500:
        headers.append(("Retry-After", str(RETRY_SECONDS)))
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers.append(("Connection", "close"))  # its body was not read
    start_response(f"{status.value} {status.phrase}", headers)
    return [body] if environ["REQUEST_METHOD"] != "HEAD" else []
