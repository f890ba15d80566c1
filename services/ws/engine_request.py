"""What a request to ``/socket.io/`` asks for.

Source: https://github.com/socketio/socket.io/blob/main/docs/engine.io-protocol/v4-current.md
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, cast
from urllib.parse import parse_qs

PATH: Final = "/socket.io/"
#: Where the environment of a request holds its ``EngineRequest``.
ENGINE_REQUEST: Final = "dispycluster.engine_request"
METHODS: Final = ("GET", "POST", "OPTIONS")

_VERSION: Final = "4"

Method = Literal["GET", "POST", "OPTIONS"]
Transport = Literal["polling", "websocket"]


class InvalidRequest(Exception):
    """The request gets ``status``; its text says why, ``headers`` belong to the answer."""

    def __init__(self, text: str, *headers: tuple[str, str], status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.headers: Final = headers
        self.status: Final = status


class EngineRequest(NamedTuple):
    """A request that Engine.IO defines."""

    method: Method
    transport: Transport
    #: ``None``: the request begins a session.
    sid: str | None
    #: The parameter ``t``: clients send another value with every request, and the same one when they repeat a request.
    stamp: str | None


def is_for_engine(environ: Mapping[str, Any]) -> bool:
    """Whether the request's path is Engine.IO's."""
    return str(environ["PATH_INFO"]).startswith(PATH)


def wants_websocket(environ: Mapping[str, Any]) -> bool:
    """Whether the request asks for a WebSocket, rightly or not."""
    return bool(environ.get("HTTP_UPGRADE", "").lower() == "websocket")


def read_request(environ: Mapping[str, Any]) -> EngineRequest:
    """Read method, query and ``Upgrade`` of a request.

    Raises:
        Unacceptable: Engine.IO defines no such request.
    """
    method = environ["REQUEST_METHOD"]
    if method not in METHODS:
        raise InvalidRequest(f"the method is none of {', '.join(METHODS)}", ("Allow", ", ".join(METHODS)))
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    transport, sid = query.get("transport"), query.get("sid")
    upgrades = wants_websocket(environ)
    if method != "OPTIONS":
        if "j" in query:
            raise InvalidRequest("JSONP is not supported")
        if transport not in ("polling", "websocket"):
            raise InvalidRequest("the parameter transport is neither polling nor websocket")
        if sid is None and query.get("EIO") != _VERSION:
            raise InvalidRequest("the parameter EIO is not 4, the version of the protocol")
        if sid is None and method == "POST":
            raise InvalidRequest("a POST needs the parameter sid")
        if upgrades != (transport == "websocket") or (upgrades and method != "GET"):
            raise InvalidRequest("the parameter transport and the header Upgrade do not agree")
    return EngineRequest(cast(Method, method), cast(Transport, transport or "polling"), sid, query.get("t"))
