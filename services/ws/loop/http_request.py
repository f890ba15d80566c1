"""A request of HTTP: the strict reading of its head, its WSGI environment, and the take-over of its connection."""

import http.client
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ws.http_syntax import LineSource, RequestHead, origin_form
from ws.loop import limits

#: Keys in a request's WSGI environment: the client's socket, the functions that run after the answer, and a function
#: that waits for the next queue slot of the client.
SOCKET: Final = "dispycluster.socket"
AFTER_RESPONSE: Final = "dispycluster.after_response"
WAIT_FOR_SLOT: Final = "dispycluster.wait_for_slot"
#: The option's number in Linux; the standard library has the name since Python 3.12.
TCP_NOTSENT_LOWAT: Final = 25

_HTTP_1_0: Final = "HTTP/1.0"
#: Headers that the WSGI environment names without the prefix ``HTTP_``.
_WITHOUT_PREFIX: Final = ("CONTENT_TYPE", "CONTENT_LENGTH")


class _DiscardedErrors:
    """Discards ``wsgi.errors``: a line there for each lost connection would fill the log."""

    def write(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass


_ERRORS: Final = _DiscardedErrors()


class InvalidHead(ValueError):
    """The head of a request is refused with ``status``."""

    def __init__(self, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(status.phrase)
        self.status: Final = status


class Head(NamedTuple):
    """The valid head of a request."""

    method: str
    #: The path and the query, ``*``, or the authority of CONNECT.
    target: str
    #: ``HTTP/1.0`` or ``HTTP/1.1``.
    version: str
    headers: http.client.HTTPMessage
    #: Whether the client lets the connection stay open after the answer.
    keeps_connection: bool


def read_head(request_line: bytes, file: LineSource) -> Head:
    """Read the rest of a head, after its request line of at most ``REQUEST_LINE_BYTES``.

    Raises:
        InvalidHead: the head is not valid, or too long.
        OSError: the connection is lost, or too slow.
    """
    lines = RequestHead(request_line, _BoundedLines(file))
    if len(request_line) > limits.REQUEST_LINE_BYTES:
        raise InvalidHead(HTTPStatus.REQUEST_URI_TOO_LONG)
    words = request_line.decode("latin-1").split()
    if not lines.is_valid or len(words) != 3:
        raise InvalidHead
    try:
        headers = http.client.parse_headers(lines)
    except http.client.HTTPException:
        raise InvalidHead(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    method, target, version = words
    # A path with two slashes at its beginning would name another host in a redirect.
    target = "/" + target.lstrip("/") if target.startswith("//") else target
    try:
        authority, target = origin_form(target)
    except ValueError:
        raise InvalidHead from None
    if authority:
        del headers["Host"]
        headers["Host"] = authority
    if not (lines.is_valid and _has_host(version, headers) and _has_one_length(version, headers)):
        raise InvalidHead
    connection = headers.get("Connection", "").lower()
    keeps_connection = connection == "keep-alive" if version == _HTTP_1_0 else connection != "close"
    return Head(method, target, version, headers, keeps_connection)


class _BoundedLines:
    """Passes on the lines of a head, within the limits of a line and of the whole head."""

    def __init__(self, file: LineSource) -> None:
        self._file = file
        self._read_bytes = 0

    def readline(self, size: int = -1) -> bytes:
        line = self._file.readline(limits.HEAD_LINE_BYTES + 1)
        self._read_bytes += len(line)
        if len(line) > limits.HEAD_LINE_BYTES or self._read_bytes > limits.HEAD_BYTES:
            raise InvalidHead(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return line


def _has_host(version: str, headers: http.client.HTTPMessage) -> bool:
    """Whether the request names its host, as it must since HTTP/1.1 (RFC 9112, 3.2)."""
    return version == _HTTP_1_0 or "Host" in headers


def _has_one_length(version: str, headers: http.client.HTTPMessage) -> bool:
    """Whether all servers find the same end of the body (RFC 9112, 6.1)."""
    coding = headers.get_all("Transfer-Encoding")
    if coding is None:
        try:
            return int(headers.get("Content-Length", "0")) >= 0
        except ValueError:
            return False  # more digits than Python reads
    is_chunked = [value.strip(" \t").lower() for value in coding] == ["chunked"]
    return is_chunked and version != _HTTP_1_0 and "Content-Length" not in headers


def refusal(status: int) -> bytes:
    """Return the answer to a refused head. It does not name the server's software; the connection is closed next."""
    phrase = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()


def environ_of(head: Head, client: Any, address: Any) -> dict[str, Any]:
    """Return the WSGI environment of a request without its body.

    Args:
        head: the head of the request.
        client: the client's socket, which the environment keeps.
        address: the client's address.
    """
    path, question_mark, query = head.target.partition("?")
    own_name = client.getsockname()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "RAW_PATH_INFO": path,
        "PATH_INFO": unquote(path, encoding="latin-1"),
        "SERVER_PROTOCOL": head.version,
        "SERVER_NAME": own_name[0],
        "SERVER_PORT": str(own_name[1]),
        "REMOTE_ADDR": address[0],
        "REMOTE_PORT": str(address[1]),
        # Without the header, the type of a message is that of MIME: text/plain.
        "CONTENT_TYPE": head.headers.get("Content-Type") or head.headers.get_content_type(),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": _ERRORS,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        SOCKET: client,
        AFTER_RESPONSE: [],
    }
    if question_mark:
        environ["QUERY_STRING"] = query
    if length := head.headers.get("Content-Length"):
        environ["CONTENT_LENGTH"] = length
    for name, value in head.headers.items():
        # A name with an underscore would look like another header.
        key = "" if "_" in name else name.replace("-", "_").upper()
        if key and key not in _WITHOUT_PREFIX:
            earlier = environ.get(f"HTTP_{key}")
            text = value.strip(" \t\r\n")
            environ[f"HTTP_{key}"] = text if earlier is None else f"{earlier},{text}"
    return environ


def client_socket(environ: Mapping[str, Any]) -> Any:
    """Return the socket of a request's connection; the server still owns the socket."""
    return environ[SOCKET]


def descriptor(environ: Mapping[str, Any]) -> int:
    """Return the descriptor of a request's connection, which the server still owns; -1 after a take-over."""
    number: int = environ[SOCKET].fileno()
    return number


def set_push_options(client: Any) -> None:
    """Let a socket send small frames immediately, and limit the unsent data in the kernel."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, limits.UNSENT_BYTES)


def after_response(environ: Mapping[str, Any], function: Callable[[], object]) -> None:
    """Call ``function`` after the answer, when the connection waits for its next request; not after a take-over."""
    environ[AFTER_RESPONSE].append(function)


def run_after_response(environ: Mapping[str, Any]) -> None:
    """Call the functions of ``after_response``."""
    if descriptor(environ) >= 0:
        for function in environ[AFTER_RESPONSE]:
            function()
