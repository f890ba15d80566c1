"""Limit how many bytes each exporter sends, and when the collector reads them.

Every byte from an exporter comes in through ``BoundedProtocol``, the protocol of its connection. The collector reads
the first bytes of an exposition immediately. All further bytes wait in a queue: each turn of the event loop reads one
piece, of short expositions first. So long expositions delay each other, but neither short expositions nor the rounds.
No scrape starts while many short expositions wait: otherwise, if the core cannot keep up, all would be read a little
and none in time.
"""

import asyncio
import errno
import heapq
import itertools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakValueDictionary, finalize

import aiohttp
from aiohttp.client_proto import ResponseHandler

from collector.aiohttp_private import forget_response
from collector.authentication import Credentials, TlsContexts
from collector.sentences import failures
from collector.sentences.sentence import english
from collector.targets.dns import Resolver
from contract.messages import Coded

#: Longest exposition that is read, in bytes. A machine with all collectors switched on sends about 1 MiB.
EXPOSITION_LIMIT_BYTES: Final = 8 * 1024 * 1024
#: Longest head of a response that is read, in bytes; node_exporter's has a few hundred.
HEAD_LIMIT_BYTES: Final = 32 * 1024
#: Bytes of a response that are read without waiting in the queue. Most machines' expositions are shorter.
UNQUEUED_BYTES: Final = 32 * 1024
#: Bytes from which an exposition counts as long.
LONG_BYTES: Final = 128 * 1024
#: Most pieces of short expositions that wait while scrapes start.
BACKLOG: Final = 64
#: Bytes of the first read if the previous exposition was longer than ``UNQUEUED_BYTES``, and of every other read.
#: Parsing a piece takes a few milliseconds.
FIRST_PIECE_BYTES: Final = 16 * 1024
PIECE_BYTES: Final = 32 * 1024
#: Bytes of a read while the exporter may send no bytes: before a request, or if aiohttp resumed the transport.
UNALLOWED_BYTES: Final = 1024
#: Bytes of a response that show which protocol the exporter speaks.
FIRST_BYTES: Final = 8
#: Memory for the values of all large expositions together, in bytes. The values of a large exposition take more than
#: ``SMALL_BYTES``.
MEMORY_BYTES: Final = 48 * 1024 * 1024
#: Memory that the values of every exposition may take, in bytes: enough for a machine with 300 CPUs.
SMALL_BYTES: Final = 32 * 1024


class ReadQueue:
    """Calls waiting callbacks, one in each turn of the event loop.

    Short expositions come before long ones. Of about equally long ones, the exposition of which most was received comes
    first: an exposition that is read to its end takes no more memory, and its next one may follow a template.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._is_running = False
        self._short_count = 0

    @property
    def has_backlog(self) -> bool:
        """Whether so many short expositions wait that no scrape should start."""
        return self._short_count >= BACKLOG

    def add(self, expected_bytes: int, received_bytes: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the exposition with that expected length, and so many bytes received, is next."""
        length_class = expected_bytes // LONG_BYTES
        self._short_count += length_class == 0
        heapq.heappush(self._waiting, (length_class, -received_bytes, next(self._numbers), callback))
        if not self._is_running:
            self._is_running = True
            asyncio.get_running_loop().call_soon(self._call_next)

    async def wait(self, expected_bytes: int, received_bytes: int) -> None:
        """Wait in the queue; see ``add``."""
        called = asyncio.get_running_loop().create_future()
        self.add(expected_bytes, received_bytes, lambda: None if called.done() else called.set_result(None))
        await called

    def _call_next(self) -> None:
        self._is_running = bool(self._waiting)
        if self._is_running:
            length_class, _, _, callback = heapq.heappop(self._waiting)
            self._short_count -= length_class == 0
            callback()
            asyncio.get_running_loop().call_soon(self._call_next)


class ReceiveBudget:
    """The bytes that one exporter may send now."""

    __slots__ = (
        "__weakref__",
        "_handlers",
        "_left",
        "_limit",
        "_previous_bytes",
        "_queue",
        "_requests",
        "excess",
        "first_bytes",
        "is_request_sent",
        "received_bytes",
    )

    def __init__(self, queue: ReadQueue) -> None:
        #: Bytes received since the request.
        self.received_bytes = 0
        #: Whether the collector sent a part of the request to the exporter.
        self.is_request_sent = False
        #: The first bytes received since the request.
        self.first_bytes = b""
        #: Names the limit that the exporter exceeded.
        self.excess: Coded | None = None
        self._queue = queue
        self._requests = 0
        self._limit = 0
        self._left = 0
        self._previous_bytes = 0
        #: Connections that the present requests use or used.
        self._handlers: tuple[ResponseHandler, ...] = ()

    def note_connection(self, handler: ResponseHandler) -> None:
        """Note that a request uses the connection of ``handler``."""
        self.is_request_sent = True
        self._handlers += (handler,)

    def begin_request(self) -> None:
        """Allow the head of a response."""
        if self._requests == 0:
            self.received_bytes, self.excess, self._limit = 0, None, 0
            self.is_request_sent, self.first_bytes = False, b""
            self._left = UNQUEUED_BYTES if self._previous_bytes <= UNQUEUED_BYTES else FIRST_PIECE_BYTES
        self._requests += 1
        self._limit += HEAD_LIMIT_BYTES

    def expect_exposition(self) -> None:
        """Allow an exposition after the head."""
        self._limit += EXPOSITION_LIMIT_BYTES

    def end_request(self) -> None:
        """Allow no bytes until the next request. The caller has released the response."""
        self._requests -= 1
        self._previous_bytes = self.received_bytes
        if self._requests == 0:
            for handler in self._handlers:
                forget_response(handler)
            self._handlers = ()

    @property
    def expected_bytes(self) -> int:
        """Expected bytes of the response: the larger of the bytes received now and at the previous request."""
        return max(self.received_bytes, self._previous_bytes)

    @property
    def allowed_bytes(self) -> int:
        """Bytes that the next read may receive; 0 while the exporter waits in the queue, or may send no bytes."""
        return max(0, min(PIECE_BYTES, self._left)) if self._requests else 0

    def note_received(self, data: bytes) -> None:
        """Note bytes that the exporter sent.

        Raises:
            ConnectionAbortedError: the exporter has sent too many bytes.
        """
        if self._requests == 0:
            raise ConnectionAbortedError(errno.ECONNABORTED, "bytes without a request")
        if self.received_bytes == 0:
            self.first_bytes = data[:FIRST_BYTES]
        self.received_bytes += len(data)
        self._left -= len(data)
        if self.received_bytes > self._limit:
            is_exposition = self._limit >= EXPOSITION_LIMIT_BYTES
            self.excess = (
                failures.page_too_long(EXPOSITION_LIMIT_BYTES)
                if is_exposition
                else failures.head_too_long(HEAD_LIMIT_BYTES)
            )
            raise ConnectionAbortedError(errno.ECONNABORTED, english(self.excess))

    def wait_for_piece(self, callback: Callable[[], None]) -> None:
        """Wait in the queue for the next piece, then allow the piece and call ``callback``."""

        def allow() -> None:
            self._left = max(self._left, PIECE_BYTES)
            callback()

        self._queue.add(self.expected_bytes, self.received_bytes, allow)


class MemoryBudget:
    """Memory for the values of large expositions: expositions that are being read, and samples that are kept."""

    def __init__(self, limit_bytes: int = MEMORY_BYTES) -> None:
        self._left_bytes = limit_bytes

    def reserve(self, count: int) -> bool:
        """Reserve ``count`` bytes, or release them if negative; return whether the budget had enough bytes left."""
        if count > self._left_bytes:
            return False
        self._left_bytes -= count
        return True


class MemoryReservation:
    """The memory that one exposition reserves in ``budget``."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._reserved = 0

    def resize(self, count: int) -> bool:
        """Reserve ``count`` bytes instead of the present ones; return whether the budget has enough bytes left."""
        wanted = count if count > SMALL_BYTES else 0
        is_reserved = self._budget.reserve(wanted - self._reserved)
        if is_reserved:
            self._reserved = wanted
        return is_reserved

    def transfer_to(self, owner: object) -> None:
        """Keep the memory reserved until ``owner`` is garbage-collected."""
        if self._reserved:
            finalize(owner, self._budget.reserve, -self._reserved).atexit = False
            self._reserved = 0


class BoundedConnector(aiohttp.TCPConnector):
    """Makes connections that receive bytes within the budget of the scrape that made the connection."""

    def __init__(self, resolver: Resolver, credentials: Credentials) -> None:
        super().__init__(resolver=resolver, use_dns_cache=False, limit=0)
        self.queue = ReadQueue()
        self.memory = MemoryBudget()
        self.credentials = credentials
        self.contexts = TlsContexts(credentials)
        self._budgets: WeakValueDictionary[tuple[str, int], ReceiveBudget] = WeakValueDictionary()
        #: Every read fills this buffer and is copied at once, so all connections share one buffer.
        self._buffer = memoryview(bytearray(PIECE_BYTES))

    def receive_budget(self, host: str, port: int) -> ReceiveBudget:
        """Return the budget of the exporter at that address. All its scrapers share one, as they share connections."""
        return self._budgets.setdefault((host, port), ReceiveBudget(self.queue))

    async def connect(self, *arguments: Any, **options: Any) -> aiohttp.connector.Connection:
        """Return a connection from the pool or a new one, as aiohttp does, with the running scrape's budget."""
        connection = await super().connect(*arguments, **options)
        transport, budget = connection.transport, current_budget.get()
        if connection.protocol is not None:
            budget.note_connection(connection.protocol)
        if transport is not None and not isinstance(transport.get_protocol(), BoundedProtocol):
            BoundedProtocol.receive_from(transport, budget, self._buffer)
        return connection


#: The receive budget of the scrape that the running task makes.
current_budget: ContextVar[ReceiveBudget] = ContextVar("current_budget")


class BoundedProtocol(asyncio.BufferedProtocol):
    """Receives within ``budget`` and hands the bytes on to aiohttp's protocol of the connection.

    While the exporter waits in the queue, the transport does not read. aiohttp pauses the transport too, while its own
    buffer is full; then no piece is requested until aiohttp resumes the transport.
    """

    __slots__ = ("_budget", "_buffer", "_receiver", "_transport")

    def __init__(
        self, transport: asyncio.Transport, receiver: asyncio.Protocol, budget: ReceiveBudget, buffer: memoryview
    ) -> None:
        self._transport = transport
        self._receiver = receiver
        self._budget = budget
        self._buffer = buffer

    @classmethod
    def receive_from(cls, transport: asyncio.Transport, budget: ReceiveBudget, buffer: memoryview) -> None:
        """Receive from ``transport`` in place of its present protocol."""
        receiver = transport.get_protocol()
        assert isinstance(receiver, asyncio.Protocol)
        # uvloop decides how to read when reading begins.
        is_reading = transport.is_reading()
        transport.pause_reading()
        transport.set_protocol(cls(transport, receiver, budget, buffer))
        if is_reading:
            transport.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return a buffer for the bytes that the exporter may send now."""
        return self._buffer[: self._budget.allowed_bytes or UNALLOWED_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on the bytes in the buffer."""
        data = bytes(self._buffer[:nbytes])
        budget, transport = self._budget, self._transport
        try:
            budget.note_received(data)
        except ConnectionAbortedError:
            transport.abort()
            return
        self._receiver.data_received(data)
        if budget.allowed_bytes == 0 and transport.is_reading() and not transport.is_closing():
            transport.pause_reading()
            budget.wait_for_piece(self._resume)

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool | None:
        """Hand on the end of the bytes."""
        return self._receiver.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on the loss of the connection."""
        self._receiver.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand on that the transport takes no more bytes."""
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the transport takes bytes again."""
        self._receiver.resume_writing()
