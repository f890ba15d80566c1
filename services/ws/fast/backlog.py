"""What a client has not taken yet, and for how long."""

import time
from typing import Final

from ws.budget import Budget
from ws.fast.outbox import Outbox

#: Bytes after which a client that takes a long frame slowly is seen to go on.
PROGRESS_BYTES: Final = 64 * 1024


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

    def __len__(self) -> int:
        """Packets that wait."""
        return len(self.outbox) + bool(self.rest)

    def wrote(self, taken: int) -> None:
        """The client took that many bytes of ``rest``."""
        self.rest = self.rest[taken:]
        self._taken += taken
        if not self.rest or self._taken >= PROGRESS_BYTES:
            self._taken = 0
            self.since = time.monotonic()
