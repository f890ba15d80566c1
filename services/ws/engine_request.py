"""Parses a request to ``/socket.io/``.

Source: https://github.com/socketio/socket.io/blob/main/docs/engine.io-protocol/v4-current.md
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, cast
from urllib.parse import parse_qs

PATH: Final = "/socket.io/"
#: Key of a request's ``EngineRequest`` in its WSGI environment.
ENGINE_REQUEST: Final = "dispycluster.engine_request"
METHODS: Final = ("GET", "POST", "OPTIONS")

_VERSION: Final = "4"

Method = Literal["GET", "POST", "OPTIONS"]
Transport = Literal["polling", "websocket"]


class InvalidRequest(Exception):
    """A request that is answered ``status`` with ``headers``; the text of the exception gives the reason."""

    def __init__(self, text: str, *headers: tuple[str, str], status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.headers: Final = headers
        self.status: Final = status


class EngineRequest(NamedTuple):
    """A valid request to Engine.IO."""

    method: Method
    transport: Transport
    #: Id of the session; ``None``: the request begins a session.
    sid: str | None
    #: Parameter ``t``: clients send a new value with every request, and the same value when they repeat a request.
    stamp: str | None


def is_for_engine(environ: Mapping[str, Any]) -> bool:
    """Whether the path of the request belongs to Engine.IO."""
    return str(environ["PATH_INFO"]).startswith(PATH)


def wants_websocket(environ: Mapping[str, Any]) -> bool:
    """Whether the request asks for a WebSocket, in a valid way or not."""
    return bool(environ.get("HTTP_UPGRADE", "").lower() == "websocket")


def read_request(environ: Mapping[str, Any]) -> EngineRequest:
    """Read the method, the query and the header ``Upgrade`` of a request.

    Raises:
        InvalidRequest: the request is not valid in Engine.IO.
    """
    method = environ["REQUEST_METHOD"]
    if method not in METHODS:
        raise InvalidRequest(f"the method must be one of {', '.join(METHODS)}", ("Allow", ", ".join(METHODS)))
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    transport, sid = query.get("transport"), query.get("sid")
    upgrades = wants_websocket(environ)
    if method != "OPTIONS":
        if "j" in query:
            raise InvalidRequest("JSONP is not supported")
        if transport not in ("polling", "websocket"):
            raise InvalidRequest("the parameter transport must be polling or websocket")
        if sid is None and query.get("EIO") != _VERSION:
            raise InvalidRequest("the parameter EIO must be 4, the version of the protocol")
        if sid is None and method == "POST":
            raise InvalidRequest("a POST needs the parameter sid")
        if upgrades != (transport == "websocket") or (upgrades and method != "GET"):
            raise InvalidRequest("the parameter transport and the header Upgrade do not agree")
    return EngineRequest(cast(Method, method), cast(Transport, transport or "polling"), sid, query.get("t"))
