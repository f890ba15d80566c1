"""Limits for one address or identity, and how much of each limit is in use.

The limits are generous: they only keep one client from harming the others.
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

#: Seconds of its rate that a client may use in one burst: all browsers of an office reconnect together.
BURST_SECONDS: Final = 10.0
#: Quotas without a connection that are kept, because their rates still count.
IDLE_LIMIT: Final = 10_000
#: Bytes of received data that the replica keeps for the clients of one address, and for those of them that are in no
#: namespace.
RECEIVED_LIMIT_BYTES: Final = 16 * 1024 * 1024
UNADMITTED_LIMIT_BYTES: Final = 4 * 1024 * 1024
#: Bytes that may wait for the clients of one address: a quarter of the limit for all clients.
UNREAD_LIMIT_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits per address and per identity; each replica counts separately."""

    #: Concurrent Engine.IO connections.
    connections: int = catalogue.WS_LIMIT_CONNECTIONS.default_value
    connects_per_second: int = catalogue.WS_LIMIT_CONNECTS_PER_SECOND.default_value
    #: Packets from clients.
    packets_per_second: int = catalogue.WS_LIMIT_PACKETS_PER_SECOND.default_value
    #: Bytes of the longest packet that a client may send.
    packet_bytes: int = catalogue.WS_LIMIT_PACKET_BYTES.default_value
    #: Clients that are subscribed to a list of nodes. Each list has its own snapshots and deltas.
    subscriptions: int = catalogue.WS_LIMIT_SUBSCRIPTIONS.default_value

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the limits from ``WS_LIMIT_…``.

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
    """An address or identity has reached a limit of this ``kind``; it may try again after ``wait_seconds``."""

    def __init__(self, kind: str, text: str, wait_seconds: float = 1.0) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.wait_seconds = wait_seconds


class Quota:
    """What one address or identity uses of its limits."""

    __slots__ = (
        "connections", "connects", "key", "packets", "received", "received_unadmitted", "subscriptions", "unread",
    )  # fmt: skip

    def __init__(self, key: str, limits: Limits) -> None:
        now = time.monotonic()
        self.key: Final = key
        self.connections = 0
        self.subscriptions = 0
        #: Bytes of received data that the replica keeps, and those of them from clients in no namespace.
        self.received: Final = Budget(RECEIVED_LIMIT_BYTES)
        self.received_unadmitted: Final = Budget(UNADMITTED_LIMIT_BYTES)
        #: Bytes that wait for clients.
        self.unread: Final = Budget(UNREAD_LIMIT_BYTES)
        self.connects: Final = Bucket(limits.connects_per_second, limits.connects_per_second * BURST_SECONDS, now)
        self.packets: Final = Bucket(limits.packets_per_second, limits.packets_per_second * BURST_SECONDS, now)


class Quotas:
    """The quotas of all addresses, or of all identities."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connected: dict[str, Quota] = {}
        self._idle: OrderedDict[str, Quota] = OrderedDict()

    def of(self, key: str) -> Quota:
        """Return the quota of an address or identity; create the quota if it does not exist."""
        quota = self._connected.get(key) or self._idle.get(key)
        if quota is None:
            quota = Quota(key, self._limits)
            self._add_idle(quota)
        return quota

    def connection_opened(self, quota: Quota) -> None:
        """Count one more connection."""
        quota.connections += 1
        if quota.connections == 1:
            self._idle.pop(quota.key, None)
            self._connected[quota.key] = quota

    def connection_closed(self, quota: Quota) -> None:
        """Count one connection less."""
        quota.connections -= 1
        if quota.connections == 0:
            del self._connected[quota.key]
            self._add_idle(quota)

    def _add_idle(self, quota: Quota) -> None:
        self._idle[quota.key] = quota
        if len(self._idle) > IDLE_LIMIT:
            self._idle.popitem(last=False)


class Subscriptions:
    """Counts the clients of each address and identity that are subscribed to a list of nodes."""

    def __init__(self, limits: Limits, counters: Counters, quotas_of: Callable[[str], tuple[Quota, ...]]) -> None:
        """``quotas_of`` takes the id of a client of ``/monitoring``."""
        self._limit = limits.subscriptions
        self._counters = counters
        self._quotas_of = quotas_of
        #: By client id, the quotas that count its subscription.
        self._quotas_of_subscriber: dict[str, tuple[Quota, ...]] = {}

    def begin(self, sid: str) -> None:
        """Count a client, at most once.

        Raises:
            LimitReached: the address or identity of the client has reached the limit of subscriptions.
        """
        if sid in self._quotas_of_subscriber:
            return
        quotas = self._quotas_of(sid)
        if any(quota.subscriptions >= self._limit for quota in quotas):
            self._counters.limited["subscriptions"] += 1
            text = f"Your address or identity already has {self._limit} subscriptions to lists of nodes"
            raise LimitReached("subscriptions", f"{text}, which is the limit.")
        for quota in quotas:
            quota.subscriptions += 1
        self._quotas_of_subscriber[sid] = quotas

    def end(self, sid: str) -> None:
        """Stop counting the client."""
        for quota in self._quotas_of_subscriber.pop(sid, ()):
            quota.subscriptions -= 1
