"""What waits for a client that cannot take it yet.

State is latest-only: of the packets of one slot only the newest waits. All else is first in, first out, with a bound
in bytes. A broadcast is shared between the clients that get it, so it costs each of them its part; what one client
alone has chosen costs that client all of it.
"""

import time
from collections import deque
from typing import Final

from ws.budget import Budget
from ws.event import EnginePacket

#: Bytes of what must arrive and waits, beyond which nothing more may.
LOG_LIMIT_BYTES: Final = 1024 * 1024
#: Bytes of a state for which nobody is sent away, whatever waits elsewhere.
SMALL_STATE_BYTES: Final = 4096
#: Bytes after which a client that takes a long frame slowly is seen to go on.
PROGRESS_BYTES: Final = 64 * 1024


class Overflow(Exception):
    """More waits than may."""


class Outbox:
    """``depth`` packets may wait before state is made latest-only, unless one of ``budgets`` is spent.

    Others have outboxes in the same budgets.
    """

    __slots__ = ("_budgets", "_bytes", "_depth", "_frame_bytes", "_log_bytes", "_waiting")

    def __init__(self, *budgets: Budget, depth: int = 0) -> None:
        self._budgets = budgets
        self._depth = depth
        #: Packets, and as how many bytes each counts.
        self._waiting: deque[tuple[EnginePacket, int]] = deque()
        self._bytes = 0
        self._frame_bytes = 0
        self._log_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, packet: EnginePacket) -> int:
        """Let a packet wait; return how many others it replaced.

        Raises:
            Overflow: it does not fit any more.
        """
        is_spent = any(budget.is_spent for budget in self._budgets)
        if packet.slot is None:
            # Whatever its size, one more fits: an answer is as long as the cluster is large.
            if self._log_bytes > LOG_LIMIT_BYTES or is_spent:
                raise Overflow
            self._log_bytes += len(packet.text)
            self._append(packet, len(packet.text))
            return 0
        clients, replaced = packet.clients, 0
        if is_spent or len(self._waiting) >= self._depth:
            replaced = self._remove_slot(packet.slot)
            if replaced and packet.replacement is not None:
                packet = packet.replacement()
        state_bytes = len(packet.text) // clients if clients else 0
        if is_spent and not replaced and state_bytes > SMALL_STATE_BYTES:
            raise Overflow
        self._append(packet, state_bytes)
        return replaced

    def take(self) -> EnginePacket:
        """Remove the packet that has waited longest.

        Raises:
            IndexError: none waits.
        """
        packet, counted_bytes = self._waiting.popleft()
        self._count(-counted_bytes)
        if packet.slot is None:
            self._log_bytes -= counted_bytes
        return packet

    def reserve_frame(self, own_bytes: int) -> None:
        """Count what left and is not yet sent.

        Raises:
            Overflow: it does not fit any more.
        """
        if own_bytes > SMALL_STATE_BYTES and any(budget.is_spent for budget in self._budgets):
            raise Overflow
        self._frame_bytes = own_bytes
        self._count(own_bytes)

    def release_frame(self) -> None:
        """What left was sent."""
        self._count(-self._frame_bytes)
        self._frame_bytes = 0

    def clear(self) -> None:
        """Forget all that waits."""
        self._waiting.clear()
        self._count(-self._bytes)
        self._frame_bytes = self._log_bytes = 0

    def _append(self, packet: EnginePacket, counted_bytes: int) -> None:
        self._waiting.append((packet, counted_bytes))
        self._count(counted_bytes)

    def _remove_slot(self, slot: str) -> int:
        """Remove the states of a slot; return how many there were."""
        previous = [counted_bytes for packet, counted_bytes in self._waiting if packet.slot == slot]
        if previous:
            self._waiting = deque(waiting for waiting in self._waiting if waiting[0].slot != slot)
            self._count(-sum(previous))
        return len(previous)

    def _count(self, added: int) -> None:
        self._bytes += added
        for budget in self._budgets:
            budget.used_bytes += added


class Backlog:
    """An outbox, and the frame that is being written."""

    __slots__ = ("_taken", "outbox", "rest", "since")

    def __init__(self, *budgets: Budget, depth: int = 0) -> None:
        self.outbox = Outbox(*budgets, depth=depth)
        #: What is left of the frame that is being written.
        self.rest = memoryview(b"")
        #: When the client last took a whole frame or ``PROGRESS_BYTES`` of one, or fell behind; monotonic.
        self.since = time.monotonic()
        self._taken = 0

    def begin(self, rest: memoryview, own_bytes: int) -> None:
        """Let the rest of a frame wait, which counts as ``own_bytes``.

        Raises:
            Overflow: it does not fit any more.
        """
        self.outbox.reserve_frame(own_bytes)
        self.rest = rest

    def __len__(self) -> int:
        """Packets that wait."""
        return len(self.outbox) + bool(self.rest)

    def advance(self, taken: int) -> None:
        """The client took that many bytes of ``rest``."""
        self.rest = self.rest[taken:]
        self._taken += taken
        if not self.rest:
            self.outbox.release_frame()
        if not self.rest or self._taken >= PROGRESS_BYTES:
            self._taken = 0
            self.since = time.monotonic()
