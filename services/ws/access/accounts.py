"""What each address and each identity has taken so far."""

import time
from collections import OrderedDict
from typing import Final

from access.bucket import Bucket
from ws.access.limits import BURST_SECONDS, Limits
from ws.budget import Budget

#: Accounts without a connection that are remembered, for their rates.
IDLE_LIMIT: Final = 10_000
#: Bytes that the clients of one address may make the replica keep of what they sent, and of that the clients that are
#: in no namespace.
RECEIVED_LIMIT_BYTES: Final = 16 * 1024 * 1024
STRANGERS_LIMIT_BYTES: Final = 4 * 1024 * 1024
#: Bytes that may wait for the clients of one address: a quarter of what may for all.
UNREAD_LIMIT_BYTES: Final = 32 * 1024 * 1024


class Account:
    """Of one address or identity."""

    __slots__ = (
        "connections", "connects", "key", "packets", "received", "received_of_strangers", "subscriptions", "unread",
    )  # fmt: skip

    def __init__(self, key: str, limits: Limits) -> None:
        now = time.monotonic()
        self.key: Final = key
        self.connections = 0
        self.subscriptions = 0
        #: What the replica keeps of what clients sent, and of that what clients sent that are in no namespace.
        self.received: Final = Budget(RECEIVED_LIMIT_BYTES)
        self.received_of_strangers: Final = Budget(STRANGERS_LIMIT_BYTES)
        #: What waits for clients.
        self.unread: Final = Budget(UNREAD_LIMIT_BYTES)
        self.connects: Final = Bucket(limits.connects_per_second, limits.connects_per_second * BURST_SECONDS, now)
        self.packets: Final = Bucket(limits.packets_per_second, limits.packets_per_second * BURST_SECONDS, now)


class Accounts:
    """All of one kind, by key."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connected: dict[str, Account] = {}
        self._idle: OrderedDict[str, Account] = OrderedDict()

    def of(self, key: str) -> Account:
        """The account of an address or identity, made where there is none."""
        account = self._connected.get(key) or self._idle.get(key)
        if account is None:
            account = Account(key, self._limits)
            self._rest(account)
        return account

    def opened(self, account: Account) -> None:
        """One connection more."""
        account.connections += 1
        if account.connections == 1:
            self._idle.pop(account.key, None)
            self._connected[account.key] = account

    def closed(self, account: Account) -> None:
        """One connection less."""
        account.connections -= 1
        if account.connections == 0:
            del self._connected[account.key]
            self._rest(account)

    def _rest(self, account: Account) -> None:
        self._idle[account.key] = account
        if len(self._idle) > IDLE_LIMIT:
            self._idle.popitem(last=False)
