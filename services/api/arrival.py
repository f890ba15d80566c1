"""How much of a request has arrived on a socket: what is not there yet is waited for without a thread."""

import re
import socket
from enum import Enum
from typing import Final

#: Bytes that the head of a request may have.
HEAD_BYTES: Final = 16 * 1024
#: Bytes of a request, its body included, that are waited for before it gets a thread. A longer one gets it early.
REQUEST_BYTES: Final = 32 * 1024

_LENGTH: Final = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
#: Digits of a length that is looked at; a longer one is too long in any case.
_DIGITS: Final = 9
#: What makes a client wait for a word before it sends the body.
_EXPECT: Final = re.compile(rb"\r\nexpect[ \t]*:", re.IGNORECASE)


class Arrival(Enum):
    """What has come of a request."""

    PARTLY = "partly"
    #: It may be read: all of it is there, or no more will come, or it is too long to be waited for.
    THERE = "there"
    #: Its head is longer than ``HEAD_BYTES``.
    TOO_LONG = "too long"


def arrival(client: socket.socket) -> tuple[Arrival, bytes]:
    """Look at what stands on a socket that does not block, and leave it there; return how much it is, and the bytes.

    Where more is to come, the poller will not wake up for the same bytes again.
    """
    wanted = client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    try:
        request = client.recv(REQUEST_BYTES, socket.MSG_PEEK)
    except BlockingIOError:
        return Arrival.PARTLY, b""
    except OSError:
        return Arrival.THERE, b""
    missing = missing_bytes(request)
    if missing is None and len(request) >= HEAD_BYTES:
        return Arrival.TOO_LONG, request
    # Woken with less than was waited for: the client has closed its side.
    if missing == 0 or len(request) < wanted:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return Arrival.THERE, request
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(request) + (missing or 1))
    return Arrival.PARTLY, request


def missing_bytes(request: bytes) -> int | None:
    """How many bytes are waited for; ``None`` where the head is not whole, so that nobody knows.

    0 also for a body that is too long to be waited for, or comes without a length, or only when it is asked for.
    """
    end = request.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = request[: end + 2]
    length = _LENGTH.search(head)
    if length is None or _EXPECT.search(head):
        return 0
    digits = length[1].lstrip(b"0") or b"0"
    total = end + 4 + (int(digits) if len(digits) <= _DIGITS else REQUEST_BYTES)
    return 0 if total > REQUEST_BYTES else max(0, total - len(request))
