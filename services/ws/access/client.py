"""One connection, as far as access goes."""

from typing import Final

from access.grant import Grant
from ws.access.accounts import Account


class Client:
    """What is known of one Engine.IO connection."""

    __slots__ = ("address", "grants", "identity", "offered", "told")

    def __init__(self, address: Account, offered: Grant | str) -> None:
        self.address: Final = address
        #: What its handshake stands for, or why for nothing.
        self.offered: Final = offered
        #: Of its first grant.
        self.identity: Account | None = None
        #: By namespace; ``None`` before the first.
        self.grants: dict[str, Grant] | None = None
        #: Monotonic time at which it was last told that it sends too much.
        self.told = float("-inf")

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Whom its doings are counted for."""
        return (self.address,) if self.identity is None else (self.address, self.identity)
