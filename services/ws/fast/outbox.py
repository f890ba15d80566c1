"""What waits for a client that cannot take it yet.

State is latest-only: of the packets of one slot only the newest waits. All else is first in, first out, with a bound
in bytes. Packets are shared between the clients that get them, so what waits costs a client little more than its place.
"""

from collections import deque
from typing import Final

from ws.budget import Budget
from ws.event import Packet

#: Bytes of what must arrive and waits, beyond which nothing more may.
LOG_LIMIT_BYTES: Final = 1024 * 1024


class Overflow(Exception):
    """More waits than may."""


class Outbox:
    """``depth`` packets may wait before state is made latest-only; ``budget`` is what all outboxes share."""

    __slots__ = ("_budget", "_depth", "_log_bytes", "_waiting")

    def __init__(self, budget: Budget, depth: int = 0) -> None:
        self._budget = budget
        self._depth = depth
        self._waiting: deque[Packet] = deque()
        self._log_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, packet: Packet) -> int:
        """Let a packet wait; return how many others it replaced.

        Raises:
            Overflow: it does not fit any more.
        """
        if packet.slot is None:
            # Whatever its size, one more fits: an answer is as long as the cluster is large.
            if self._log_bytes > LOG_LIMIT_BYTES or self._budget.is_spent:
                raise Overflow
            self._count(len(packet.text))
            self._waiting.append(packet)
            return 0
        replaced = 0
        if len(self._waiting) >= self._depth:
            kept = [other for other in self._waiting if other.slot != packet.slot]
            replaced = len(self._waiting) - len(kept)
            if replaced:
                self._waiting = deque(kept)
                if packet.instead is not None:
                    packet = packet.instead()
        self._waiting.append(packet)
        return replaced

    def take(self) -> Packet:
        """Remove the packet that has waited longest.

        Raises:
            IndexError: none waits.
        """
        packet = self._waiting.popleft()
        if packet.slot is None:
            self._count(-len(packet.text))
        return packet

    def clear(self) -> None:
        """Forget all that waits."""
        self._waiting.clear()
        self._count(-self._log_bytes)

    def _count(self, added: int) -> None:
        self._log_bytes += added
        self._budget.used_bytes += added
