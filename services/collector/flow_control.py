"""How many bytes exporters may send, and when.

Every byte from an exporter comes in through ``ReceiveBudget.receive``. The collector reads the first bytes of an
exposition immediately. All further bytes wait in a queue: each turn of the event loop reads one piece, of the shortest
exposition first. So long expositions delay each other, but neither short expositions nor the rounds.
"""

import asyncio
import errno
import heapq
import itertools
import socket
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakValueDictionary, finalize

import aiohttp

from collector.authentication import Credentials, TlsContexts
from collector.targets.dns import Resolver
from collector.texts import failures
from collector.texts.sentence import english
from contract.messages import Coded

#: Bytes above which a page is not read on. A machine with everything switched on gives about 1 MiB.
EXPOSITION_LIMIT_BYTES: Final = 8 * 1024 * 1024
#: Bytes above which the head of an answer is not read on; node_exporter's has a few hundred.
HEAD_LIMIT_BYTES: Final = 32 * 1024
#: Bytes of an answer that are read without a turn. Most machines' pages are shorter.
UNQUEUED_BYTES: Final = 32 * 1024
#: Bytes above which a page counts as long.
LONG_BYTES: Final = 128 * 1024
#: Bytes that are received at once, while the head is read and afterwards. Reading them takes a few milliseconds.
HEAD_PIECE_BYTES: Final = 16 * 1024
PIECE_BYTES: Final = 32 * 1024
#: Bytes of an answer by which one can tell what the exporter speaks.
FIRST_BYTES: Final = 8
#: Memory that all pages together may take whose values take more than ``SMALL_BYTES`` each, in bytes.
ROOM_BYTES: Final = 48 * 1024 * 1024
#: Memory that the values of each page may take, in bytes: those of a machine with 300 CPUs.
SMALL_BYTES: Final = 32 * 1024


class ReadQueue:
    """Lets those who wait go on one by one, one in each turn of the event loop, the least weight first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._is_going = False

    def ask(self, weight: int, go_on: Callable[[], None]) -> None:
        """Call ``go_on`` when its turn has come."""
        heapq.heappush(self._waiting, (weight, next(self._numbers), go_on))
        if not self._is_going:
            self._is_going = True
            asyncio.get_running_loop().call_soon(self._next)

    async def turn(self, weight: int) -> None:
        """Wait for a turn."""
        turn = asyncio.get_running_loop().create_future()
        self.ask(weight, lambda: None if turn.done() else turn.set_result(None))
        await turn

    def _next(self) -> None:
        self._is_going = bool(self._waiting)
        if self._is_going:
            heapq.heappop(self._waiting)[2]()
            asyncio.get_running_loop().call_soon(self._next)


class ReceiveBudget:
    """What one exporter may send now."""

    def __init__(self, turns: ReadQueue) -> None:
        #: Bytes received since the request.
        self.received = 0
        #: Whether anything was sent to the exporter for the request.
        self.is_asked = False
        #: The first bytes that came since the request.
        self.first = b""
        #: What the exporter sent too much of.
        self.excess: Coded | None = None
        self._turns = turns
        self._requests = 0
        self._limit = 0
        self._piece = HEAD_PIECE_BYTES
        self._left = 0
        self._former = 0

    def begin(self) -> None:
        """Expect the head of an answer."""
        if self._requests == 0:
            self.received, self.excess, self._limit = 0, None, 0
            self.is_asked, self.first = False, b""
            self._left = UNQUEUED_BYTES if self._former <= UNQUEUED_BYTES else HEAD_PIECE_BYTES
            self._piece = HEAD_PIECE_BYTES
        self._requests += 1
        self._limit += HEAD_LIMIT_BYTES

    def expect_page(self) -> None:
        """Expect a page too."""
        self._limit += EXPOSITION_LIMIT_BYTES
        self._piece = PIECE_BYTES

    def end(self) -> None:
        """Expect nothing until the next request."""
        self._requests -= 1
        self._former = self.received

    @property
    def weight(self) -> int:
        """Bytes of the page, as far as they are known: received, or received at the former request."""
        return max(self.received, self._former)

    def receive(self, receive: Callable[[int], bytes], size: int) -> bytes:
        """Return what ``receive`` gives, called with at most ``size`` bytes.

        Raises:
            BlockingIOError: there is to be nothing now.
            ConnectionAbortedError: the exporter has sent too much.
        """
        if self._requests == 0:
            if receive(1):
                raise ConnectionAbortedError(errno.ECONNABORTED, "bytes without a request")
            return b""
        if self._left <= 0:
            raise BlockingIOError
        data = receive(min(size, self._piece, self._left))
        if self.received == 0:
            self.first = data[:FIRST_BYTES]
        self.received += len(data)
        self._left -= len(data)
        if self.received > self._limit:
            is_page = self._limit >= EXPOSITION_LIMIT_BYTES
            self.excess = (
                failures.page_too_long(EXPOSITION_LIMIT_BYTES) if is_page else failures.head_too_long(HEAD_LIMIT_BYTES)
            )
            raise ConnectionAbortedError(errno.ECONNABORTED, english(self.excess))
        if self._left <= 0:
            self._turns.ask(self.weight, self._go_on)
        return data

    def _go_on(self) -> None:
        self._left = max(self._left, PIECE_BYTES)


class MemoryBudget:
    """Memory for the values of large pages, those being read and those that are kept."""

    def __init__(self, limit_bytes: int = ROOM_BYTES) -> None:
        self._left_bytes = limit_bytes

    def take(self, count: int) -> bool:
        """Take so many bytes, or give back if negative; return whether they were there."""
        if count > self._left_bytes:
            return False
        self._left_bytes -= count
        return True


class MemoryReservation:
    """What one page takes of the room."""

    def __init__(self, room: MemoryBudget) -> None:
        self._room = room
        self._taken = 0

    def hold(self, count: int) -> bool:
        """Hold so many bytes from now on, if there are so many; return whether there are."""
        wanted = count if count > SMALL_BYTES else 0
        is_there = self._room.take(wanted - self._taken)
        if is_there:
            self._taken = wanted
        return is_there

    def hold_for(self, owner: object) -> None:
        """Give back what is held once ``owner`` is no more."""
        if self._taken:
            finalize(owner, self._room.take, -self._taken).atexit = False
            self._taken = 0


class BoundedConnector(aiohttp.TCPConnector):
    """Makes connections whose bytes come in as the allowance of the scrape allows in which they were made."""

    def __init__(self, resolver: Resolver, credentials: Credentials) -> None:
        super().__init__(resolver=resolver, use_dns_cache=False, limit=0, socket_factory=_socket)
        self.turns = ReadQueue()
        self.room = MemoryBudget()
        self.credentials = credentials
        self.contexts = TlsContexts(credentials)
        self._allowances: WeakValueDictionary[tuple[str, int], ReceiveBudget] = WeakValueDictionary()

    def allowance(self, host: str, port: int) -> ReceiveBudget:
        """Return the allowance of the exporter there: one for all who ask it, since they share its connections."""
        return self._allowances.setdefault((host, port), ReceiveBudget(self.turns))


#: The allowance of the scrape that the running task makes.
current_budget: ContextVar[ReceiveBudget] = ContextVar("current_budget")


class _BoundedSocket(socket.socket):
    """asyncio receives by ``recv``, for TLS by ``recv_into``, and sends by ``send`` or ``sendmsg``."""

    __slots__ = ("allowance",)
    allowance: ReceiveBudget

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        return self.allowance.receive(lambda count: socket.socket.recv(self, count, flags), size)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0, /) -> int:
        data = self.recv(size or len(buffer), flags)
        buffer[: len(data)] = data
        return len(data)

    def send(self, *arguments: Any) -> int:
        self.allowance.is_asked = True
        return super().send(*arguments)

    def sendmsg(self, *arguments: Any) -> int:
        self.allowance.is_asked = True
        return super().sendmsg(*arguments)


def _socket(address: Iterable[Any]) -> socket.socket:
    family, kind, protocol, *_ = address
    made = _BoundedSocket(family, kind, protocol)
    made.allowance = current_budget.get()
    return made
