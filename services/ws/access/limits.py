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
UNADMITTED_LIMIT_BYTES: Final = 4 * 1024 * 1024
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


class Quota:
    """Of one address or identity."""

    __slots__ = (
        "connections", "connects", "key", "packets", "received", "received_unadmitted", "subscriptions", "unread",
    )  # fmt: skip

    def __init__(self, key: str, limits: Limits) -> None:
        now = time.monotonic()
        self.key: Final = key
        self.connections = 0
        self.subscriptions = 0
        #: What the replica keeps of what clients sent, and of that what clients sent that are in no namespace.
        self.received: Final = Budget(RECEIVED_LIMIT_BYTES)
        self.received_unadmitted: Final = Budget(UNADMITTED_LIMIT_BYTES)
        #: What waits for clients.
        self.unread: Final = Budget(UNREAD_LIMIT_BYTES)
        self.connects: Final = Bucket(limits.connects_per_second, limits.connects_per_second * BURST_SECONDS, now)
        self.packets: Final = Bucket(limits.packets_per_second, limits.packets_per_second * BURST_SECONDS, now)


class Quotas:
    """All of one kind, by key."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connected: dict[str, Quota] = {}
        self._idle: OrderedDict[str, Quota] = OrderedDict()

    def of(self, key: str) -> Quota:
        """The account of an address or identity, made where there is none."""
        quota = self._connected.get(key) or self._idle.get(key)
        if quota is None:
            quota = Quota(key, self._limits)
            self._rest(quota)
        return quota

    def opened(self, quota: Quota) -> None:
        """One connection more."""
        quota.connections += 1
        if quota.connections == 1:
            self._idle.pop(quota.key, None)
            self._connected[quota.key] = quota

    def closed(self, quota: Quota) -> None:
        """One connection less."""
        quota.connections -= 1
        if quota.connections == 0:
            del self._connected[quota.key]
            self._rest(quota)

    def _rest(self, quota: Quota) -> None:
        self._idle[quota.key] = quota
        if len(self._idle) > IDLE_LIMIT:
            self._idle.popitem(last=False)


class Subscriptions:
    """Counts the clients that are subscribed to a list of nodes, for their addresses and identities."""

    def __init__(self, limits: Limits, counters: Counters, quotas_of: Callable[[str], tuple[Quota, ...]]) -> None:
        """``accounts_of`` takes the id of a client of ``/monitoring``."""
        self._limit = limits.subscriptions
        self._counters = counters
        self._quotas_of = quotas_of
        #: By client, whom its subscription is counted for.
        self._quotas_of_subscriber: dict[str, tuple[Quota, ...]] = {}

    def begin(self, sid: str) -> None:
        """Count a client; one that is counted already is not counted again.

        Raises:
            LimitReached: its address or identity has as many as it may.
        """
        if sid in self._quotas_of_subscriber:
            return
        quotas = self._quotas_of(sid)
        if any(quota.subscriptions >= self._limit for quota in quotas):
            self._counters.limited["subscriptions"] += 1
            text = (
                f"There are {self._limit} subscriptions to lists of nodes from there already, as many as there may be."
            )
            raise LimitReached("subscriptions", text)
        for quota in quotas:
            quota.subscriptions += 1
        self._quotas_of_subscriber[sid] = quotas

    def end(self, sid: str) -> None:
        """Count the client no more."""
        for quota in self._quotas_of_subscriber.pop(sid, ()):
            quota.subscriptions -= 1
