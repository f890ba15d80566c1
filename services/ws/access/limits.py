"""What one address, and one identity, may take of a replica, and what each has taken so far.

Generous: the limits keep one client from harming the others.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from access.bucket import Bucket
from runtime import catalogue
from runtime.settings import Environment
from ws.budget import Budget
from ws.counters import Counters

#: Seconds of its rate that a client may take at once: all pages of an office come back together.
BURST_SECONDS: Final = 10.0
#: Accounts without a connection that are remembered, for their rates.
IDLE_LIMIT: Final = 10_000
#: Bytes that the clients of one address may make the replica keep of what they sent, and of that the clients that are
#: in no namespace.
RECEIVED_LIMIT_BYTES: Final = 16 * 1024 * 1024
STRANGERS_LIMIT_BYTES: Final = 4 * 1024 * 1024
#: Bytes that may wait for the clients of one address: a quarter of what may for all.
UNREAD_LIMIT_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Per address, and again per identity; each replica counts for itself."""

    #: Engine.IO connections at a time.
    connections: int = catalogue.WS_LIMIT_CONNECTIONS.default_value
    connects_per_second: int = catalogue.WS_LIMIT_CONNECTS_PER_SECOND.default_value
    #: Packets from clients.
    packets_per_second: int = catalogue.WS_LIMIT_PACKETS_PER_SECOND.default_value
    #: Of the longest packet that a client may send.
    packet_bytes: int = catalogue.WS_LIMIT_PACKET_BYTES.default_value
    #: Clients that are subscribed to a list of nodes: each list has its own snapshots and deltas.
    subscriptions: int = catalogue.WS_LIMIT_SUBSCRIPTIONS.default_value

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read them from ``WS_LIMIT_…``.

        Raises:
            SettingError: a value is not valid.
        """
        return cls(
            connections=environment.value(catalogue.WS_LIMIT_CONNECTIONS),
            connects_per_second=environment.value(catalogue.WS_LIMIT_CONNECTS_PER_SECOND),
            packets_per_second=environment.value(catalogue.WS_LIMIT_PACKETS_PER_SECOND),
            packet_bytes=environment.value(catalogue.WS_LIMIT_PACKET_BYTES),
            subscriptions=environment.value(catalogue.WS_LIMIT_SUBSCRIPTIONS),
        )


class LimitReached(Exception):
    """One address or identity has as much as it may; ``wait_seconds`` until it may have more."""

    def __init__(self, kind: str, text: str, wait_seconds: float = 1.0) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.wait_seconds = wait_seconds


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


class Subscriptions:
    """Counts the clients that are subscribed to a list of nodes, for their addresses and identities."""

    def __init__(self, limits: Limits, counters: Counters, accounts_of: Callable[[str], tuple[Account, ...]]) -> None:
        """``accounts_of`` takes the id of a client of ``/monitoring``."""
        self._limit = limits.subscriptions
        self._counters = counters
        self._accounts_of = accounts_of
        #: By client, whom its subscription is counted for.
        self._held: dict[str, tuple[Account, ...]] = {}

    def begin(self, sid: str) -> None:
        """Count a client; one that is counted already is not counted again.

        Raises:
            LimitReached: its address or identity has as many as it may.
        """
        if sid in self._held:
            return
        accounts = self._accounts_of(sid)
        if any(account.subscriptions >= self._limit for account in accounts):
            self._counters.limited["subscriptions"] += 1
            text = (
                f"There are {self._limit} subscriptions to lists of nodes from there already, as many as there may be."
            )
            raise LimitReached("subscriptions", text)
        for account in accounts:
            account.subscriptions += 1
        self._held[sid] = accounts

    def end(self, sid: str) -> None:
        """Count the client no more."""
        for account in self._held.pop(sid, ()):
            account.subscriptions -= 1
