"""A WSGI application that forwards each request to the api and returns the api's response.

Responses and small bodies are buffered completely, so a slow client never occupies one of the api's threads. A long
body is forwarded while it arrives, and the api can reject it before reading it. A client that waits for "100 Continue"
gets that response when the api sends it.
The transfer uses the standard library. In the gateway its sockets are patched, so a wait blocks no other request.
"""

import http.client
import logging
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import quote

from msgspec import UNSET, UnsetType

from access.proxies import TrustedProxies, client_network
from contract.codec import encode
from contract.rest import Problem
from deploy.local.limits import RequestSlots, UnreadResponseLimit
from deploy.local.request_body import BodyForwarder, InvalidBody, ProxyResponse, RequestBody
from runtime.logs import RateLimitedLog

#: Seconds for the api to respond.
TIMEOUT_SECONDS: Final = 60.0
#: Maximum numbers: of concurrent requests to the api, of those of one address, and of waiting requests of one address.
REQUEST_SLOTS: Final = 64
ADDRESS_SLOTS: Final = 16
WAITING_REQUESTS: Final = 1000
#: Paths that only the api's own port serves.
INTERNAL_PATHS: Final = frozenset(["/readyz", "/metrics"])
#: Beginnings of paths that the api answers immediately. They have slots of their own.
_QUICK_PATHS: Final = ("/static/", "/livez")
#: Slots for long messages, which take as long as their clients need to send them.
MESSAGE_SLOTS: Final = 32
#: Beginning of the api's "100 Continue" response, and seconds between two checks for the rest of that line.
_CONTINUE: Final = b"HTTP/1.1 100 "
_CONTINUE_POLL_SECONDS: Final = 0.01
#: Seconds after which a client may retry.
RETRY_SECONDS: Final = 2

#: Headers that concern one connection only (RFC 9110, 7.6.1).
_HOP_BY_HOP: Final = frozenset(
    [
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    ]
)
#: Headers that the proxy sets itself.
_SET_BY_PROXY: Final = frozenset(["content-length", "expect", "host"])
#: Every printable ASCII character except letters and digits, so that quoted text stays unchanged.
_PRINTABLE_ASCII: Final = "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"
#: Beginnings of headers that only a proxy may set.
_PROXY_HEADER_PREFIXES: Final = ("forwarded", "x-forwarded-", "x-real-ip")
#: The header in which most authenticating proxies name their user.
_REMOTE_USER: Final = "remote-user"
_FORWARDED_FOR: Final = "x-forwarded-for"
_FORWARDED_PROTO: Final = "x-forwarded-proto"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_logger = logging.getLogger(__name__)


class ForwardingHeaders:
    """Replaces the headers with a client's address and user. Header names are in lower case.

    Headers that only a proxy may set are accepted only from the proxies in ``TRUSTED_PROXIES``.
    """

    def __init__(self, proxies: TrustedProxies | None = None, user_header: str = "") -> None:
        self._proxies = proxies or TrustedProxies()
        self._user_header = user_header.lower()

    def replaces(self, name: str) -> bool:
        """Whether a header of this name is not forwarded unchanged."""
        return name.startswith(_PROXY_HEADER_PREFIXES) or name in (_REMOTE_USER, self._user_header)

    def address(self, environ: Mapping[str, Any]) -> str:
        """Return the client's address, from a trusted proxy's header or else from the connection."""
        return self._proxies.client_address(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        ).address

    def headers(self, given: Mapping[str, str], peer: str) -> list[tuple[str, str]]:
        """Return the headers that replace the client's.

        Args:
            given: the request's headers by name.
            peer: the address of the connection.
        """
        if not self._proxies.client_address(peer).is_from_trusted_proxy:
            return [(_FORWARDED_FOR, peer)]
        chain = f"{given[_FORWARDED_FOR]}, {peer}" if given.get(_FORWARDED_FOR) else peer
        trusted = {name: given[name] for name in (_FORWARDED_PROTO, self._user_header) if given.get(name)}
        return [(_FORWARDED_FOR, chain), *trusted.items()]


class ApiProxy:
    """Forwards requests to ``http://host:port``."""

    def __init__(
        self,
        host: str,
        port: int,
        forwarding: ForwardingHeaders | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._host = host
        self._port = port
        self._forwarding = forwarding or ForwardingHeaders()
        self._timeout_seconds = timeout_seconds
        self._slots = RequestSlots(REQUEST_SLOTS, ADDRESS_SLOTS, WAITING_REQUESTS)
        self._quick_slots = RequestSlots(ADDRESS_SLOTS, ADDRESS_SLOTS // 4, WAITING_REQUESTS)
        self._message_slots = RequestSlots(MESSAGE_SLOTS, MESSAGE_SLOTS // 4, WAITING_REQUESTS)
        self._unread_limit = UnreadResponseLimit()
        self._limited_log = RateLimitedLog(_logger)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request (WSGI)."""
        target = environ.get("RAW_PATH_INFO") or quote(environ["PATH_INFO"].encode("latin-1"), safe="/")
        # The api would treat only the text before a "#" as the path.
        if not target.startswith("/") or "#" in target:
            return error_response(environ, start_response, HTTPStatus.BAD_REQUEST, "The request target must be a path.")
        body = RequestBody(environ)
        try:
            body.check()
            if environ["PATH_INFO"] in INTERNAL_PATHS:
                text = "This path does not exist."
                return ProxyResponse(error_response(environ, start_response, HTTPStatus.NOT_FOUND, text), body)
            small_body = body.read_all() if body.is_small else None
        except InvalidBody as error:
            return ProxyResponse(error_response(environ, start_response, error.status, str(error)), body)
        if query := environ.get("QUERY_STRING"):
            target = f"{target}?{query}"
        address = client_network(self._forwarding.address(environ))
        buffered_slots = self._quick_slots if target.startswith(_QUICK_PATHS) else self._slots
        slots = buffered_slots if small_body is not None else self._message_slots
        if not slots.enter(address, self._timeout_seconds):
            text = "Too many requests are waiting."
            return ProxyResponse(error_response(environ, start_response, HTTPStatus.SERVICE_UNAVAILABLE, text), body)
        try:
            target = quote(target.encode("latin-1"), safe=_PRINTABLE_ASCII)
            return self._forward(environ, start_response, target, body, small_body, address)
        finally:
            slots.leave(address)

    def _forward(
        self,
        environ: Environ,
        start_response: StartResponse,
        target: str,
        body: RequestBody,
        small_body: bytes | None,
        address: str,
    ) -> ProxyResponse:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_seconds)
        forwarder: BodyForwarder | None = None
        try:
            self._send_request(connection, environ, target, body, small_body)
            if small_body is None:
                # Not connection.send, which would open a new connection if the api has closed this one.
                api_socket: socket.socket = connection.sock
                if not body.is_awaiting_continue or self._is_body_requested(api_socket):
                    forwarder = BodyForwarder(body, api_socket.sendall, lambda: api_socket.shutdown(socket.SHUT_RDWR))
            status, headers, content = _client_response(connection.getresponse(), environ)
        except ValueError:  # a header that cannot be sent
            problem = (HTTPStatus.BAD_REQUEST, "A header is not valid.")
        except TimeoutError:
            problem = (HTTPStatus.GATEWAY_TIMEOUT, f"The api took longer than {self._timeout_seconds:g} s.")
        except (OSError, http.client.HTTPException) as error:
            if forwarder is not None and forwarder.error is not None:
                problem = (forwarder.error.status, str(forwarder.error))
            elif forwarder is not None and not forwarder.reader.has_ended:
                problem = (HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time.")
            else:
                self._limited_log.warning("away", "the api on %s:%d does not answer: %r", self._host, self._port, error)
                problem = (HTTPStatus.BAD_GATEWAY, "The api does not answer; it may be starting.")
        else:
            if self._unread_limit.admit(address, len(content)):
                start_response(status, headers)
                release = partial(self._unread_limit.release, address, len(content))
                return ProxyResponse([content] if content else [], body, forwarder, release)
            problem = (HTTPStatus.SERVICE_UNAVAILABLE, "Too many responses wait for their clients.")
        finally:
            if forwarder is not None:
                forwarder.is_answered = True
            connection.close()
        return ProxyResponse(error_response(environ, start_response, *problem), body, forwarder)

    def _send_request(
        self,
        connection: http.client.HTTPConnection,
        environ: Environ,
        target: str,
        body: RequestBody,
        small_body: bytes | None,
    ) -> None:
        connection.putrequest(environ["REQUEST_METHOD"], target, skip_host=True, skip_accept_encoding=True)
        for name, value in request_headers(environ, self._forwarding):
            connection.putheader(name, value)
        if small_body is None and body.is_chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif body.is_chunked or environ.get("CONTENT_LENGTH"):
            connection.putheader("Content-Length", str(body.length if small_body is None else len(small_body)))
        if body.is_awaiting_continue:
            connection.putheader("Expect", "100-continue")
        connection.endheaders(small_body or None)

    def _is_body_requested(self, api_socket: socket.socket) -> bool:
        """Wait for the api's response; return whether it is "100 Continue".

        The response stays unread on ``api_socket``; http.client skips it.

        Raises:
            TimeoutError: the api did not respond.
        """
        until = time.monotonic() + self._timeout_seconds
        while (start := api_socket.recv(len(_CONTINUE), socket.MSG_PEEK)) and _CONTINUE.startswith(start):
            if start == _CONTINUE:
                return True
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(_CONTINUE_POLL_SECONDS)
        return False


def _client_response(response: http.client.HTTPResponse, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return status, headers and content of the response for the client."""
    content = response.read()
    headers = response_headers(response.getheaders())
    bodyless = environ["REQUEST_METHOD"] == "HEAD" or response.status in (204, 304)
    length = response.getheader("Content-Length") if bodyless else str(len(content))
    if length is not None:
        headers.append(("Content-Length", length))
    return f"{response.status} {response.reason}", headers, content


def request_headers(environ: Environ, forwarding: ForwardingHeaders) -> list[tuple[str, str]]:
    """Return the headers of the request to the api, with the client's address."""
    given = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    hops = _hops(given.get("connection", ""))
    sent = [
        (name, value)
        for name, value in given.items()
        if name not in hops and name not in _SET_BY_PROXY and not forwarding.replaces(name)
    ]
    if content_type := environ.get("CONTENT_TYPE"):
        sent.append(("content-type", content_type))
    host = given.get("host") or f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}"
    forwarded = forwarding.headers(given, environ.get("REMOTE_ADDR", ""))
    return [("host", host), *sent, *forwarded, ("connection", "close")]


def response_headers(received: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers of the response to the client, without the length and the name of the server's software."""
    headers = list(received)
    connection = ",".join(value for name, value in headers if name.lower() == "connection")
    hops = _hops(connection) | {"content-length", "server"}
    return [(name, value) for name, value in headers if name.lower() not in hops]


def _hops(connection: str) -> frozenset[str]:
    return _HOP_BY_HOP | {name.strip().lower() for name in connection.split(",")}


def error_response(
    environ: Environ,
    start_response: StartResponse,
    status: HTTPStatus,
    text: str,
    code: Literal["limit_exceeded"] | UnsetType = UNSET,
) -> list[bytes]:
    """Respond in place of the api: JSON to a program, a page to a browser. After a temporary error the page reloads."""
    is_temporary = status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS
    is_browser = not environ["PATH_INFO"].startswith("/api/") and "text/html" in environ.get("HTTP_ACCEPT", "")
    if is_browser:
        refresh = f'<meta http-equiv="refresh" content="{RETRY_SECONDS}">' if is_temporary else ""
        kind = "text/html; charset=utf-8"
        body = f'<!doctype html><html lang="en">{refresh}<title>{status.phrase}</title><p>{text}</p></html>\n'.encode()
    else:
        kind = "application/problem+json"
        body = encode(Problem(title=status.phrase, status=status.value, detail=text, code=code))
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    if is_temporary:
        headers.append(("Retry-After", str(RETRY_SECONDS)))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body] if environ["REQUEST_METHOD"] != "HEAD" else []
