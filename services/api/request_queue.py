"""Whose request is next: many requests of one address wait for each other, and not others for them."""

import functools
import re
import threading
from typing import Final, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

from access.proxies import TrustedProxies, client_network
from runtime.fair_queue import FairQueue

Job = TypeVar("Job")

#: Requests of one address that are answered at once, as a part of all threads.
SHARE_OF_THREADS: Final = 0.25
#: Further threads, which answer quick requests and no others, and how many of them one address gets.
QUICK_THREADS: Final = 4
QUICK_AT_ONCE: Final = 2
#: Threads besides that take messages, as a part of all threads: they wait for those who send slowly.
SHARE_OF_MESSAGES: Final = 0.5
#: Threads besides that answer what takes a processor for long, and how many of them one address gets: beside each of
#: them everything else waits for the interpreter.
LONG_THREADS: Final = 2
LONG_AT_ONCE: Final = 1
#: Requests of one address that wait for an answer: half of the connections that gunicorn takes.
WAITING: Final = 500

_REMEMBERED: Final = 256
_FORWARDED_FOR: Final = re.compile(rb"\r\nx-forwarded-for[ \t]*:([^\r\n]*)", re.IGNORECASE)
#: Method and path of a request, whose target may be absolute (RFC 9112, 3.2.2).
_REQUEST: Final = re.compile(rb"([A-Z]+) (?:[A-Za-z][A-Za-z0-9+.-]*://[^/?# ]*)?([^?# ]*)")

Kind = Literal["usual", "quick", "long", "message"]

#: By kind, methods and paths. Quick requests wait for nothing: neither for Redis, nor for a template.
_KINDS: Final[tuple[tuple[Kind, re.Pattern[bytes]], ...]] = (
    ("quick", re.compile(rb"(?:GET|HEAD) /(?:static/.*|livez|readyz)", re.DOTALL)),
    ("long", re.compile(rb"(?:GET|HEAD) /api/(?:history|incidents)")),
    ("message", re.compile(rb"POST /api/publish/.*", re.DOTALL)),
)


def thread_count(threads: int) -> int:
    """Requests that are under way at most, where there are so many ``threads`` for the usual ones."""
    return QUICK_THREADS + LONG_THREADS + _message_threads(threads) + threads


def _message_threads(threads: int) -> int:
    return max(1, int(threads * SHARE_OF_MESSAGES))


class QueueSlot(NamedTuple):
    """In which line a request waits."""

    #: Of the client, as limits count it.
    address: str
    kind: Kind


class RequestQueue(Generic[Job]):
    """Lets requests begin. Knows nothing of WSGI or sockets; safe to use from several threads."""

    def __init__(self, proxies: TrustedProxies, threads: int) -> None:
        at_once = max(1, int(threads * SHARE_OF_THREADS))
        self._queues: dict[Kind, FairQueue[tuple[QueueSlot, Job]]] = {
            "quick": FairQueue(QUICK_THREADS, QUICK_AT_ONCE, WAITING),
            "long": FairQueue(LONG_THREADS, LONG_AT_ONCE, WAITING),
            "message": FairQueue(_message_threads(threads), at_once, WAITING),
            "usual": FairQueue(threads, at_once, WAITING),
        }
        self._lock = threading.Lock()

        @functools.lru_cache(_REMEMBERED)
        def address_of(peer: str, forwarded_for: bytes) -> str:
            return client_network(proxies.client_address(peer, forwarded_for.decode("latin-1")).address)

        self._address_of = address_of

    def slot_for(self, head: bytes, peer: str) -> QueueSlot:
        """Find out in which line a request waits, by the beginning of its bytes and the address that sent them."""
        end = head.find(b"\r\n\r\n")
        chain = b",".join(_FORWARDED_FOR.findall(head, 0, end if end >= 0 else len(head)))
        return QueueSlot(self._address_of(peer, chain), _kind(head))

    def offer(self, slot: QueueSlot, job: Job) -> bool:
        """Put a request into its line; return ``False`` where too many of its address wait."""
        with self._lock:
            return self._queues[slot.kind].offer(slot.address, (slot, job))

    def next_requests(self) -> list[tuple[QueueSlot, Job]]:
        """Return the requests that begin now; of each the caller says when it is ``done``."""
        begun = []
        with self._lock:
            for queue in self._queues.values():
                while (taken := queue.take()) is not None:
                    begun.append(taken[1])
        return begun

    def done(self, slot: QueueSlot) -> None:
        """Give back the place of a request that has begun."""
        with self._lock:
            self._queues[slot.kind].done(slot.address)


def _kind(head: bytes) -> Kind:
    request = _REQUEST.match(head)
    if request is not None:
        # As the router reads it: a letter may be written as an escape.
        route = b"%b %b" % (request[1], unquote_to_bytes(request[2]))
        for kind, routes in _KINDS:
            if routes.fullmatch(route):
                return kind
    return "usual"
