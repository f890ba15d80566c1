"""The requests of a client that polls: it takes what waits when it asks, and sends what it has by POST."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from engineio import exceptions, packet, payload

from ws.endpoint import PACKETS_A_POLL
from ws.event import Packet

if TYPE_CHECKING:
    from ws.fast.session import Session

#: Seconds that a poll may wait; a ping ends it before.
POLL_SECONDS: Final = 60.0

_NOOP: Final = Packet(b"6")


def poll(session: "Session") -> list[Packet]:
    """Wait until something is there for the client; return the first of it.

    Raises:
        engineio.exceptions.EngineIOError: the session is closed.
    """
    backlog = session.backlog
    if session.leaves_polling() or backlog is None or backlog.asked is not None:
        return [_NOOP]
    if not backlog.outbox:
        backlog.asked = threading.Event()
        backlog.asked.wait(POLL_SECONDS)
        backlog.asked = None
        if session.closed:
            # Not the packet "close": a Python client that is told so does not come back.
            raise exceptions.SocketIsClosedError
        if session.leaves_polling():
            return [_NOOP]
    return [backlog.outbox.take() for _ in range(min(PACKETS_A_POLL, len(backlog.outbox)))] or [_NOOP]


def post(session: "Session", environ: Mapping[str, Any], limit_bytes: int) -> None:
    """Take what the client sends; lets other greenlets run.

    Raises:
        engineio.exceptions.EngineIOError: the session is closed, or the client sent what it may not.
        ValueError: it is no packet.
    """
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > limit_bytes:
        raise exceptions.ContentTooLongError
    body = environ["wsgi.input"].read(length).decode()
    for sent in payload.Payload(encoded_payload=body).packets:
        if session.closed:
            raise exceptions.SocketIsClosedError
        match sent.packet_type:
            case packet.PONG:
                session.awaits_pong = False
            case packet.MESSAGE:
                session.handle(sent.data)
            case packet.CLOSE:
                session.end("client", None)
            case packet.UPGRADE | packet.NOOP | packet.PING:
                pass
            case _:
                raise exceptions.UnknownPacketError
