"""What one address, and one identity, may take of a replica. Generous: they keep one client from harming the others."""

from dataclasses import dataclass
from typing import Self

from runtime.settings import Environment

#: Seconds of its rate that a client may take at once: all pages of an office come back together.
BURST_SECONDS = 10.0


@dataclass(frozen=True)
class Limits:
    """Per address, and again per identity; each replica counts for itself."""

    #: Engine.IO connections at a time.
    connections: int = 5000
    connects_per_second: int = 500
    #: Packets from clients.
    packets_per_second: int = 2000
    #: Of the longest packet that a client may send.
    packet_bytes: int = 512 * 1024
    #: Clients that are subscribed to a list of nodes: each list has its own snapshots and deltas.
    subscriptions: int = 1000

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read them from ``WS_LIMIT_…``.

        Raises:
            SettingError: a value is not valid.
        """
        most = 1_000_000

        def limit(name: str, default: int, minimum: int = 1) -> int:
            return environment.integer(f"WS_LIMIT_{name}", default, minimum=minimum, maximum=most)

        return cls(
            connections=limit("CONNECTIONS", cls.connections),
            connects_per_second=limit("CONNECTS_PER_SECOND", cls.connects_per_second),
            packets_per_second=limit("PACKETS_PER_SECOND", cls.packets_per_second),
            packet_bytes=environment.integer(
                "WS_LIMIT_PACKET_BYTES", cls.packet_bytes, minimum=1024, maximum=16 * 1024 * 1024
            ),
            subscriptions=limit("SUBSCRIPTIONS", cls.subscriptions),
        )
