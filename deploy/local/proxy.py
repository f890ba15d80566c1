"""A WSGI application that hands each request to the api and its answer back.

Answers, and small bodies, are taken whole before they are handed on, so a slow client never holds one of the api's
threads. A long body goes on to the api while it comes, and the api answers before it reads those that it does not want.
A body that the client holds back is asked for when the api asks for it.
The standard library does the transfer: where its sockets are patched (the gateway), waiting holds up nobody else.
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
from deploy.local.body import Answer, BadBody, Body, Sending
from deploy.local.limits import RequestSlots, UnreadAnswers
from runtime.logs import RateLimitedLog

#: Seconds that the api may take over an answer.
TIMEOUT_SECONDS: Final = 60.0
#: Requests that the api is given at a time, those of one address, and those of one address that wait.
AT_A_TIME: Final = 64
OF_ONE_ADDRESS: Final = 16
WAITING: Final = 1000
#: Paths of the api that are for the inside alone: its own port answers them.
UNPUBLISHED: Final = frozenset(["/readyz", "/metrics"])
#: What has slots of its own: the api answers these at once,
_QUICK: Final = ("/static/", "/livez")
#: and long messages last as long as their clients like.
MESSAGES: Final = 32
#: How the api asks for a body, and seconds until the rest of such a line is looked for again.
_CONTINUE: Final = b"HTTP/1.1 100 "
_REST_OF_LINE_SECONDS: Final = 0.01
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
#: Beginnings of the headers that only a proxy could say.
_OF_PROXIES: Final = ("forwarded", "x-forwarded-", "x-real-ip")
#: The header that most authenticating proxies name their user in.
_REMOTE_USER: Final = "remote-user"
_CHAIN: Final = "x-forwarded-for"
_SCHEME: Final = "x-forwarded-proto"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_logger = logging.getLogger(__name__)


class Forwarding:
    """Replaces what clients say of where they come from and who they are; names of headers are in small letters.

    Headers that only a proxy could say are taken from the proxies of ``TRUSTED_PROXIES``, and from nobody else.
    """

    def __init__(self, proxies: TrustedProxies | None = None, user_header: str = "") -> None:
        self._proxies = proxies or TrustedProxies()
        self._user_header = user_header.lower()

    def replaces(self, name: str) -> bool:
        """Whether a header of this name is not handed on as it came."""
        return name.startswith(_OF_PROXIES) or name in (_REMOTE_USER, self._user_header)

    def address(self, environ: Mapping[str, Any]) -> str:
        """The address that a WSGI request comes from, as far as anybody who is believed knows it."""
        return self._proxies.client_address(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        ).address

    def headers(self, given: Mapping[str, str], peer: str) -> list[tuple[str, str]]:
        """What is handed on in their place.

        Args:
            given: the request's headers by name.
            peer: the address that it came from.
        """
        if not self._proxies.client_address(peer).is_from_trusted_proxy:
            return [(_CHAIN, peer)]
        chain = f"{given[_CHAIN]}, {peer}" if given.get(_CHAIN) else peer
        said = {name: given[name] for name in (_SCHEME, self._user_header) if given.get(name)}
        return [(_CHAIN, chain), *said.items()]


class ApiProxy:
    """Hands requests to ``http://host:port``."""

    def __init__(
        self, host: str, port: int, forwarding: Forwarding | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._host = host
        self._port = port
        self._forwarding = forwarding or Forwarding()
        self._timeout_seconds = timeout_seconds
        self._slots = RequestSlots(AT_A_TIME, OF_ONE_ADDRESS, WAITING)
        self._quick_slots = RequestSlots(OF_ONE_ADDRESS, OF_ONE_ADDRESS // 4, WAITING)
        self._message_slots = RequestSlots(MESSAGES, MESSAGES // 4, WAITING)
        self._unread = UnreadAnswers()
        self._complaints = RateLimitedLog(_logger)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        target = environ.get("RAW_PATH_INFO") or quote(environ["PATH_INFO"].encode("latin-1"), safe="/")
        # The api would take what stands before a "#" for the path.
        if not target.startswith("/") or "#" in target:
            return refusal(environ, start_response, HTTPStatus.BAD_REQUEST, "A request names a path.")
        body = Body(environ)
        try:
            body.check()
            if environ["PATH_INFO"] in UNPUBLISHED:
                return Answer(refusal(environ, start_response, HTTPStatus.NOT_FOUND, "There is nothing here."), body)
            whole = body.read_whole() if body.is_small else None
        except BadBody as error:
            return Answer(refusal(environ, start_response, error.status, str(error)), body)
        if query := environ.get("QUERY_STRING"):
            target = f"{target}?{query}"
        address = client_network(self._forwarding.address(environ))
        whole_slots = self._quick_slots if target.startswith(_QUICK) else self._slots
        slots = whole_slots if whole is not None else self._message_slots
        if not slots.enter(address, self._timeout_seconds):
            text = "Too many requests are waiting."
            return Answer(refusal(environ, start_response, HTTPStatus.SERVICE_UNAVAILABLE, text), body)
        try:
            target = quote(target.encode("latin-1"), safe=_SAFE)
            return self._answer(environ, start_response, target, body, whole, address)
        finally:
            slots.leave(address)

    def _answer(
        self,
        environ: Environ,
        start_response: StartResponse,
        target: str,
        body: Body,
        whole: bytes | None,
        address: str,
    ) -> Answer:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_seconds)
        sending: Sending | None = None
        try:
            self._ask(connection, environ, target, body, whole)
            if whole is None:
                # Not connection.send, which would begin anew where the api has closed the connection.
                link: socket.socket = connection.sock
                if not body.is_held_back or self._is_body_wanted(link):
                    sending = Sending(body, link.sendall, lambda: link.shutdown(socket.SHUT_RDWR))
            status, headers, content = _taken(connection.getresponse(), environ)
        except ValueError:  # a header that may not be sent on
            refused = (HTTPStatus.BAD_REQUEST, "A header is not valid.")
        except TimeoutError:
            refused = (HTTPStatus.GATEWAY_TIMEOUT, f"The api took longer than {self._timeout_seconds:g} s.")
        except (OSError, http.client.HTTPException) as error:
            if sending is not None and sending.error is not None:
                refused = (sending.error.status, str(sending.error))
            elif sending is not None and sending.thread.is_alive():
                refused = (HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time.")
            else:
                self._complaints.warning("away", "the api on %s:%d does not answer: %r", self._host, self._port, error)
                refused = (HTTPStatus.BAD_GATEWAY, "The api does not answer; it may be starting.")
        else:
            if self._unread.admit(address, len(content)):
                start_response(status, headers)
                release = partial(self._unread.release, address, len(content))
                return Answer([content] if content else [], body, sending, release)
            refused = (HTTPStatus.SERVICE_UNAVAILABLE, "Too many answers wait to be read.")
        finally:
            if sending is not None:
                sending.is_answered = True
            connection.close()
        return Answer(refusal(environ, start_response, *refused), body, sending)

    def _ask(
        self, connection: http.client.HTTPConnection, environ: Environ, target: str, body: Body, whole: bytes | None
    ) -> None:
        connection.putrequest(environ["REQUEST_METHOD"], target, skip_host=True, skip_accept_encoding=True)
        for name, value in request_headers(environ, self._forwarding):
            connection.putheader(name, value)
        if whole is None and body.is_chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif body.is_chunked or environ.get("CONTENT_LENGTH"):
            connection.putheader("Content-Length", str(body.length if whole is None else len(whole)))
        if body.is_held_back:
            connection.putheader("Expect", "100-continue")
        connection.endheaders(whole or None)

    def _is_body_wanted(self, link: socket.socket) -> bool:
        """Wait for the api's answer; return whether it asks for the body. It stays on ``link``: http.client skips it.

        Raises:
            TimeoutError: no answer came.
        """
        until = time.monotonic() + self._timeout_seconds
        while (begun := link.recv(len(_CONTINUE), socket.MSG_PEEK)) and _CONTINUE.startswith(begun):
            if begun == _CONTINUE:
                return True
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(_REST_OF_LINE_SECONDS)
        return False


def _taken(response: http.client.HTTPResponse, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and content of the api's answer, as the client gets them."""
    content = response.read()
    headers = response_headers(response.getheaders())
    bodyless = environ["REQUEST_METHOD"] == "HEAD" or response.status in (204, 304)
    length = response.getheader("Content-Length") if bodyless else str(len(content))
    if length is not None:
        headers.append(("Content-Length", length))
    return f"{response.status} {response.reason}", headers, content


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


def refusal(
    environ: Environ,
    start_response: StartResponse,
    status: HTTPStatus,
    text: str,
    code: Literal["limit_exceeded"] | UnsetType = UNSET,
) -> list[bytes]:
    """Answer in place of the api: a problem to programs, a page to people, which tries again where that may help."""
    may_pass = status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS
    for_people = not environ["PATH_INFO"].startswith("/api/") and "text/html" in environ.get("HTTP_ACCEPT", "")
    if for_people:
        again = f'<meta http-equiv="refresh" content="{RETRY_SECONDS}">' if may_pass else ""
        kind = "text/html; charset=utf-8"
        body = f'<!doctype html><html lang="en">{again}<title>{status.phrase}</title><p>{text}</p></html>\n'.encode()
    else:
        kind = "application/problem+json"
        body = encode(Problem(title=status.phrase, status=status.value, detail=text, code=code))
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    if may_pass:
        headers.append(("Retry-After", str(RETRY_SECONDS)))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body] if environ["REQUEST_METHOD"] != "HEAD" else []
