"""Decides which request is next. Requests of one address wait for each other, and do not delay other addresses."""

import functools
import re
import threading
from typing import Final, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

from access.proxies import TrustedProxies, client_network
from runtime.fair_queue import FairQueue

Job = TypeVar("Job")

#: Requests of one address that are served at the same time, as a fraction of all threads.
SHARE_OF_THREADS: Final = 0.25
#: Additional threads that only serve quick requests, and how many of them one address gets.
QUICK_THREADS: Final = 4
QUICK_PER_ADDRESS: Final = 2
#: Additional threads that only receive messages, as a fraction of all threads. A slow sender blocks its thread.
SHARE_OF_MESSAGES: Final = 0.5
#: Additional threads that only serve CPU-bound requests, and how many of them one address gets. Such a request delays
#: all other threads, which wait for the interpreter.
LONG_THREADS: Final = 2
LONG_PER_ADDRESS: Final = 1
#: Additional threads for rankings of nodes. One of them computes, others wait for the same ranking or another.
RANKING_THREADS: Final = 2
RANKING_PER_ADDRESS: Final = 1
#: Longest queue of one address: half of the connections that gunicorn accepts.
QUEUE_LENGTH: Final = 500

_CACHE_SIZE: Final = 256
_FORWARDED_FOR: Final = re.compile(rb"\r\nx-forwarded-for[ \t]*:([^\r\n]*)", re.IGNORECASE)
#: Method and path of a request. The target may be absolute (RFC 9112, 3.2.2).
_REQUEST: Final = re.compile(rb"([A-Z]+) (?:[A-Za-z][A-Za-z0-9+.-]*://[^/?# ]*)?([^?# ]*)")

Kind = Literal["usual", "quick", "long", "ranking", "message"]

#: Methods and paths of each kind. Quick requests use neither Redis nor a template.
_KINDS: Final[tuple[tuple[Kind, re.Pattern[bytes]], ...]] = (
    ("quick", re.compile(rb"(?:GET|HEAD) /(?:static/.*|livez|readyz)", re.DOTALL)),
    ("long", re.compile(rb"(?:GET|HEAD) /api/(?:history(?:/moment|/marks)?|incidents)")),
    ("ranking", re.compile(rb"(?:GET|HEAD) /api/history/top")),
    ("message", re.compile(rb"POST /api/publish/.*", re.DOTALL)),
)


def thread_count(threads: int) -> int:
    """Return the number of requests that run at the same time. ``threads`` of them are of the usual kind."""
    return QUICK_THREADS + LONG_THREADS + RANKING_THREADS + _message_threads(threads) + threads


def _message_threads(threads: int) -> int:
    return max(1, int(threads * SHARE_OF_MESSAGES))


class QueueSlot(NamedTuple):
    """The queue of a request."""

    #: The client's address, in the form that rate limits use.
    address: str
    kind: Kind


class RequestQueue(Generic[Job]):
    """Decides which requests start. Independent of WSGI and sockets; safe to use from several threads."""

    def __init__(self, proxies: TrustedProxies, threads: int) -> None:
        at_once = max(1, int(threads * SHARE_OF_THREADS))
        self._queues: dict[Kind, FairQueue[tuple[QueueSlot, Job]]] = {
            "quick": FairQueue(QUICK_THREADS, QUICK_PER_ADDRESS, QUEUE_LENGTH),
            "long": FairQueue(LONG_THREADS, LONG_PER_ADDRESS, QUEUE_LENGTH),
            "ranking": FairQueue(RANKING_THREADS, RANKING_PER_ADDRESS, QUEUE_LENGTH),
            "message": FairQueue(_message_threads(threads), at_once, QUEUE_LENGTH),
            "usual": FairQueue(threads, at_once, QUEUE_LENGTH),
        }
        self._lock = threading.Lock()

        @functools.lru_cache(_CACHE_SIZE)
        def address_of(peer: str, forwarded_for: bytes) -> str:
            return client_network(proxies.client_address(peer, forwarded_for.decode("latin-1")).address)

        self._address_of = address_of

    def slot_for(self, header: bytes, peer: str) -> QueueSlot:
        """Return the queue slot of a request.

        Args:
            header: the beginning of the request's bytes.
            peer: the address that sent them.
        """
        end = header.find(b"\r\n\r\n")
        chain = b",".join(_FORWARDED_FOR.findall(header, 0, end if end >= 0 else len(header)))
        return QueueSlot(self._address_of(peer, chain), _kind(header))

    def offer(self, slot: QueueSlot, job: Job) -> bool:
        """Put a request into its queue. Return ``False`` if the queue of its address is full."""
        with self._lock:
            return self._queues[slot.kind].offer(slot.address, (slot, job))

    def next_requests(self) -> list[tuple[QueueSlot, Job]]:
        """Return the requests that start now. The caller reports the end of each with ``done``."""
        started = []
        with self._lock:
            for queue in self._queues.values():
                while (taken := queue.take()) is not None:
                    started.append(taken[1])
        return started

    def done(self, slot: QueueSlot) -> None:
        """Release the slot of a request that has ended."""
        with self._lock:
            self._queues[slot.kind].done(slot.address)


def _kind(header: bytes) -> Kind:
    request = _REQUEST.match(header)
    if request is not None:
        # Decoded like the router does: a letter may be percent-encoded.
        route = b"%b %b" % (request[1], unquote_to_bytes(request[2]))
        for kind, routes in _KINDS:
            if routes.fullmatch(route):
                return kind
    return "usual"
