"""Packets that wait for a client that cannot receive them yet.

State is latest-only: of the packets of one slot only the newest waits. All other packets are first in, first out, with
a limit in bytes. The recipients of a broadcast share its packet, so each outbox counts its share of the bytes; a packet
for a single client counts in full.
"""

import time
from collections import deque
from typing import Final

from ws.budget import Budget
from ws.event import EnginePacket

#: Bytes of waiting packets without a slot, beyond which the outbox overflows.
LOG_LIMIT_BYTES: Final = 1024 * 1024
#: Bytes of a state that never overflows an outbox, even if a budget is spent.
SMALL_STATE_BYTES: Final = 4096
#: Bytes of a long frame after which a slow client counts as making progress.
PROGRESS_BYTES: Final = 64 * 1024


class Overflow(Exception):
    """More bytes wait than the limits allow."""


class Outbox:
    """The waiting packets of one client.

    State is latest-only if ``depth`` packets wait, or if one of ``budgets`` is spent. Several outboxes share a budget.
    """

    __slots__ = ("_budgets", "_bytes", "_depth", "_frame_bytes", "_log_bytes", "_waiting")

    def __init__(self, *budgets: Budget, depth: int = 0) -> None:
        self._budgets = budgets
        self._depth = depth
        #: Packets, and the bytes that each packet counts.
        self._waiting: deque[tuple[EnginePacket, int]] = deque()
        self._bytes = 0
        self._frame_bytes = 0
        self._log_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, packet: EnginePacket) -> int:
        """Append a packet; return the number of packets that it replaced.

        Raises:
            Overflow: a limit is reached.
        """
        is_spent = any(budget.is_spent for budget in self._budgets)
        if packet.slot is None:
            # Below the limit a packet of any size fits: an answer grows with the cluster.
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
            IndexError: no packet waits.
        """
        packet, counted_bytes = self._waiting.popleft()
        self._count(-counted_bytes)
        if packet.slot is None:
            self._log_bytes -= counted_bytes
        return packet

    def reserve_frame(self, own_bytes: int) -> None:
        """Count the bytes of a frame that is being sent.

        Raises:
            Overflow: a limit is reached.
        """
        if own_bytes > SMALL_STATE_BYTES and any(budget.is_spent for budget in self._budgets):
            raise Overflow
        self._frame_bytes = own_bytes
        self._count(own_bytes)

    def release_frame(self) -> None:
        """Stop counting the frame, which has been sent."""
        self._count(-self._frame_bytes)
        self._frame_bytes = 0

    def clear(self) -> None:
        """Remove all packets."""
        self._waiting.clear()
        self._count(-self._bytes)
        self._frame_bytes = self._log_bytes = 0

    def _append(self, packet: EnginePacket, counted_bytes: int) -> None:
        self._waiting.append((packet, counted_bytes))
        self._count(counted_bytes)

    def _remove_slot(self, slot: str) -> int:
        """Remove the packets of a slot; return their number."""
        removed = [counted_bytes for packet, counted_bytes in self._waiting if packet.slot == slot]
        if removed:
            self._waiting = deque(waiting for waiting in self._waiting if waiting[0].slot != slot)
            self._count(-sum(removed))
        return len(removed)

    def _count(self, added: int) -> None:
        self._bytes += added
        for budget in self._budgets:
            budget.used_bytes += added


class Backlog:
    """An outbox, and the frame that is being sent."""

    __slots__ = ("_taken", "outbox", "rest", "since")

    def __init__(self, *budgets: Budget, depth: int = 0) -> None:
        self.outbox = Outbox(*budgets, depth=depth)
        #: Rest of the frame that is being sent.
        self.rest = memoryview(b"")
        #: Monotonic time of the client's last progress: a whole frame, or ``PROGRESS_BYTES`` of a frame.
        self.since = time.monotonic()
        self._taken = 0

    def begin(self, rest: memoryview, own_bytes: int) -> None:
        """Keep the rest of a frame, which counts as ``own_bytes``.

        Raises:
            Overflow: a limit is reached.
        """
        self.outbox.reserve_frame(own_bytes)
        self.rest = rest

    def __len__(self) -> int:
        """Number of packets that wait."""
        return len(self.outbox) + bool(self.rest)

    def advance(self, taken: int) -> None:
        """Note that the socket accepted this many bytes of ``rest``."""
        self.rest = self.rest[taken:]
        self._taken += taken
        if not self.rest:
            self.outbox.release_frame()
        if not self.rest or self._taken >= PROGRESS_BYTES:
            self._taken = 0
            self.since = time.monotonic()
