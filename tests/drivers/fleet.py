"""Many clients of one deployment, of all supported libraries and transports, and what can be said of them together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from contract.names import ALERTS_CHANNEL
from tests.drivers.listener import Listener, javascript_command, python_command
from tests.drivers.waiting import eventually

#: The library's command, and its share of ten clients. A Python client costs several threads.
KINDS = (
    (javascript_command, True, 4),
    (javascript_command, False, 4),
    (python_command, True, 1),
    (python_command, False, 1),
)
#: As browsers have it: these connect again by themselves, whatever happens.
BROWSERS = ((javascript_command, True, 5), (javascript_command, False, 5))


class Origin(Protocol):
    """Whatever clients can connect to."""

    @property
    def origin(self) -> str:
        """Where."""


class Publisher(Protocol):
    """Whatever publishes snapshots."""

    def newest(self) -> tuple[int, int]:
        """(epoch, seq) of the newest one."""


class Channels(Protocol):
    """Whatever one can publish to by hand."""

    def publish(self, channel: str, messages: Iterable[object]) -> None:
        """Publish messages as people's own scripts do."""


@contextmanager
def listening(deployment: Origin, count: int, kinds: Sequence = KINDS) -> Iterator[list[Listener]]:
    """``count`` clients of all ``kinds``, on websocket, polling, and polling that upgrades."""
    listeners = [Listener(make(oldest=oldest), deployment.origin, share * count // 10) for make, oldest, share in kinds]
    try:
        eventually(
            lambda: all(all(listener.of("connection_confirmed").values()) for listener in listeners),
            within_seconds=90,
            what="all clients connected",
        )
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def replicas_of(listeners: list[Listener]) -> Counter[str]:
    """How many clients each replica has, by what it said to each last."""
    return Counter(data[-1]["replica"] for each in listeners for data in each.of("connection_confirmed").values())


def by_hand(listeners: list[Listener]) -> list[list[object]]:
    """The numbers of the alerts messages that a test published, for each client."""
    return [
        [each["number"] for each in data if "number" in each]
        for listener in listeners
        for data in listener.of("redis_cluster_alerts").values()
    ]


def require_each_publication_once(deployment: Channels, listeners: list[Listener], count: int = 100) -> None:
    """Publish ``count`` messages by hand; check that each client of three replicas gets each once and in order.

    Raises:
        AssertionError: one does not, or had to connect twice; or a replica has no share of the clients.
    """
    spread = replicas_of(listeners)
    assert len(spread) == 3
    assert min(spread.values()) > sum(spread.values()) / 6, spread
    deployment.publish(ALERTS_CHANNEL, ({"number": number} for number in range(count)))
    eventually(lambda: all(len(got) >= count for got in by_hand(listeners)), within_seconds=90)
    assert all(got == list(range(count)) for got in by_hand(listeners))
    confirmed = [len(data) for each in listeners for data in each.of("connection_confirmed").values()]
    assert set(confirmed) == {1}


def orders(listeners: list[Listener]) -> list[list[tuple[int, int]]]:
    """(epoch, seq) of the snapshots that each client got, in the order of arrival."""
    return [
        [(snapshot["epoch"], snapshot["seq"]) for snapshot in data if "epoch" in snapshot]
        for listener in listeners
        for data in listener.of("redis_cluster_metrics").values()
    ]


def settle(deployment: Publisher, listeners: list[Listener], *, within_seconds: float = 60.0) -> None:
    """Wait until every client has what is the newest snapshot now, or a later one, and none saw an older after a newer.

    Raises:
        AssertionError: it is not so.
    """
    newest = eventually(deployment.newest, within_seconds=within_seconds, what="the api answers")
    eventually(
        lambda: all(got[-1] >= newest for got in orders(listeners)),
        within_seconds=within_seconds,
        what=f"every client at {newest} or later",
    )
    for got in orders(listeners):
        assert got == sorted(got), "an older snapshot after a newer one"
