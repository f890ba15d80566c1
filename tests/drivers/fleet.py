"""Many clients of one deployment, of all supported libraries and transports, and their common results."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from contract.names import ALERTS_CHANNEL
from tests.drivers.installation import Installation
from tests.drivers.listener import Listener, javascript_command, python_command
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

#: Function that returns a library's command; whether the library is the oldest supported; its share of ten clients.
Kind = tuple[Callable[..., list[str]], bool, int]

#: A Python client needs several threads.
KINDS: tuple[Kind, ...] = (
    (javascript_command, True, 4),
    (javascript_command, False, 4),
    (python_command, True, 1),
    (python_command, False, 1),
)
#: Clients as in browsers, which always reconnect by themselves.
BROWSERS = ((javascript_command, True, 5), (javascript_command, False, 5))


@contextmanager
def listening(deployment: Installation | Rest, count: int, kinds: Sequence[Kind] = KINDS) -> Iterator[list[Listener]]:
    """Run ``count`` clients of all ``kinds``, on websocket, polling, and polling with an upgrade."""
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


class ConnectionLost(AssertionError):
    """A client lost its connection."""


def connections(listeners: list[Listener]) -> list[int]:
    """Return how often each client has connected."""
    return [len(data) for each in listeners for data in each.of("connection_confirmed").values()]


def disconnections(listeners: list[Listener]) -> list[str]:
    """Return library, number and reasons of each client that was disconnected."""
    return [
        f"{listener.name} {client}: {', '.join(map(str, reasons))}"
        for listener in listeners
        for client, reasons in listener.of("disconnect").items()
        if reasons
    ]


def replicas_of(listeners: list[Listener]) -> Counter[str]:
    """Return the number of clients of each replica, from each client's last confirmation."""
    return Counter(data[-1]["replica"] for each in listeners for data in each.of("connection_confirmed").values())


def published_numbers(listeners: list[Listener]) -> list[list[object]]:
    """Return the numbers of the published alerts messages that each client got."""
    return [
        [each["number"] for each in data if "number" in each]
        for listener in listeners
        for data in listener.of("redis_cluster_alerts").values()
    ]


def require_each_publication_once(
    deployment: Installation, clients: int, count: int = 100, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Publish ``count`` messages; check that each client of three replicas gets each message once and in order.

    The alert log lacks these messages, so a client cannot resume after a disconnection. On a busy machine, a program
    with a hundred clients may answer a ping too late; then the check starts again, at most twice.

    Args:
        meanwhile: called after all messages have come, while the clients are connected.

    Raises:
        AssertionError: a client lacks messages, or a replica has too few clients.
        ConnectionLost: clients were disconnected in each of three attempts.
    """
    for last_try in (False, False, True):
        with listening(deployment, clients) as listeners:
            try:
                _require_each_publication_once(deployment, listeners, count)
                meanwhile()
                return
            except ConnectionLost:
                if last_try:
                    raise


def _require_each_publication_once(deployment: Installation, listeners: list[Listener], count: int) -> None:
    spread = replicas_of(listeners)
    assert len(spread) == 3
    assert min(spread.values()) > sum(spread.values()) / 6, spread
    deployment.publish(ALERTS_CHANNEL, ({"number": number} for number in range(count)))
    eventually(
        lambda: disconnections(listeners) or all(len(got) >= count for got in published_numbers(listeners)),
        within_seconds=300,
        what="all at every client",
    )
    if lost := disconnections(listeners):
        raise ConnectionLost("\n".join(lost))
    assert all(got == list(range(count)) for got in published_numbers(listeners))


def require_clients_follow(deployment: Installation, scale: Callable[[int], None]) -> None:
    """Have ``scale`` change the replicas from one to three and back; check that clients use all and lose no message.

    Raises:
        AssertionError: a client lost a message, or a replica has no clients.
    """
    with listening(deployment, 30) as first:
        assert len(replicas_of(first)) == 1
        # When: two more replicas start and get the new clients
        scale(3)
        with listening(deployment, 60) as second:
            all_listeners = [*first, *second]
            assert len(replicas_of(all_listeners)) == 3
            deployment.publish(ALERTS_CHANNEL, [{"number": 1}])
            eventually(lambda: all(got == [1] for got in published_numbers(all_listeners)), what="1 at every client")
            # When: they stop and their clients move to the remaining one
            scale(1)
            eventually(
                lambda: len(replicas_of(all_listeners)) == 1, within_seconds=60, what="all on the remaining replica"
            )
            deployment.publish(ALERTS_CHANNEL, [{"number": 2}])
            eventually(
                lambda: all(got[-1:] == [2] for got in published_numbers(all_listeners)), what="2 at every client"
            )
            assert all(got == [1, 2] for got in published_numbers(all_listeners))


class SnapshotGaps:
    """The snapshots that clients get from now on."""

    def __init__(self, listeners: list[Listener]) -> None:
        self._listeners = listeners
        self._since = time.monotonic()
        self._had = [len(got) for got in positions_by_client(listeners)]

    def gap_seconds(self) -> float:
        """Return the longest time in seconds without a snapshot at any client. A busy machine adds its own delays."""
        now = time.monotonic()
        return max(gap for listener in self._listeners for gap in listener.gaps(self._since, now))

    def gap_rounds(self) -> int:
        """Return the largest number of rounds between two consecutive snapshots of a client."""
        steps = [1]
        for had, got in zip(self._had, positions_by_client(self._listeners), strict=True):
            steps += [after[1] - before[1] for before, after in pairwise(got[max(0, had - 1) :])]
        return max(steps)


def positions(snapshots: list[dict[str, int]]) -> list[tuple[int, int]]:
    """Return (epoch, seq) of each snapshot; snapshots that a test published have none."""
    return [(snapshot["epoch"], snapshot["seq"]) for snapshot in snapshots if "epoch" in snapshot]


def positions_by_client(listeners: list[Listener]) -> list[list[tuple[int, int]]]:
    """Return (epoch, seq) of each client's snapshots, in the order of arrival."""
    return [positions(data) for listener in listeners for data in listener.of("redis_cluster_metrics").values()]


def settle(deployment: Installation, listeners: list[Listener], *, within_seconds: float = 60.0) -> None:
    """Wait until every client has the api's newest snapshot, or a later one.

    No connection delivers an older snapshot after a newer one. A client that reconnects to another replica may get
    an older one first.

    Raises:
        AssertionError: a client got no such snapshot, or an older one after a newer one.
    """
    newest = eventually(deployment.newest, within_seconds=within_seconds, what="the api answers")
    eventually(
        lambda: all(got and got[-1] >= newest for got in positions_by_client(listeners)),
        within_seconds=within_seconds,
        what=f"every client at {newest} or later",
    )
    for listener in listeners:
        for got in map(positions, listener.by_connection("redis_cluster_metrics")):
            assert got == sorted(got), "an older snapshot after a newer one"
