"""Many clients of one deployment, of all supported libraries and transports, and what can be said of them together."""

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

#: Makes a library's command; whether the library is the oldest supported; its share of ten clients.
Kind = tuple[Callable[..., list[str]], bool, int]

#: A Python client costs several threads.
KINDS: tuple[Kind, ...] = (
    (javascript_command, True, 4),
    (javascript_command, False, 4),
    (python_command, True, 1),
    (python_command, False, 1),
)
#: As browsers have it: these connect again by themselves, whatever happens.
BROWSERS = ((javascript_command, True, 5), (javascript_command, False, 5))


@contextmanager
def listening(deployment: Installation | Rest, count: int, kinds: Sequence[Kind] = KINDS) -> Iterator[list[Listener]]:
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


class Cut(AssertionError):
    """A client lost its connection."""


def connections(listeners: list[Listener]) -> list[int]:
    """How often each client has connected."""
    return [len(data) for each in listeners for data in each.of("connection_confirmed").values()]


def cuts(listeners: list[Listener]) -> list[str]:
    """What the clients said that lost their connection: library, number, reason."""
    return [
        f"{listener.name} {client}: {', '.join(map(str, reasons))}"
        for listener in listeners
        for client, reasons in listener.of("disconnect").items()
        if reasons
    ]


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


def require_each_publication_once(
    deployment: Installation, clients: int, count: int = 100, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Publish ``count`` messages by hand; check that each client of three replicas gets each once and in order.

    What is published by hand stands in no log that a client could resume from, so its connection must last. On a busy
    machine a program of a hundred clients may answer a ping too late; then all begins again, at most twice.

    Args:
        meanwhile: called once all have come, while the clients are still connected.

    Raises:
        AssertionError: one does not; or a replica has no share of the clients.
        Cut: clients lost their connection in each of three tries.
    """
    for last_try in (False, False, True):
        with listening(deployment, clients) as listeners:
            try:
                _require_each_publication_once(deployment, listeners, count)
                meanwhile()
                return
            except Cut:
                if last_try:
                    raise


def _require_each_publication_once(deployment: Installation, listeners: list[Listener], count: int) -> None:
    spread = replicas_of(listeners)
    assert len(spread) == 3
    assert min(spread.values()) > sum(spread.values()) / 6, spread
    deployment.publish(ALERTS_CHANNEL, ({"number": number} for number in range(count)))
    eventually(
        lambda: cuts(listeners) or all(len(got) >= count for got in by_hand(listeners)),
        within_seconds=300,
        what="all at every client",
    )
    if lost := cuts(listeners):
        raise Cut("\n".join(lost))
    assert all(got == list(range(count)) for got in by_hand(listeners))


def require_clients_follow(deployment: Installation, scale: Callable[[int], None]) -> None:
    """Have ``scale`` bring the replicas from one to three and back; check that clients come to all and lose nothing.

    Raises:
        AssertionError: they do not.
    """
    with listening(deployment, 30) as first:
        assert len(replicas_of(first)) == 1
        # When two more replicas come, new clients land on them
        scale(3)
        with listening(deployment, 60) as second:
            everybody = [*first, *second]
            assert len(replicas_of(everybody)) == 3
            deployment.publish(ALERTS_CHANNEL, [{"number": 1}])
            eventually(lambda: all(got == [1] for got in by_hand(everybody)), what="1 at every client")
            # When they go, their clients come to the one that stays
            scale(1)
            eventually(lambda: len(replicas_of(everybody)) == 1, within_seconds=60, what="all on the one that stays")
            deployment.publish(ALERTS_CHANNEL, [{"number": 2}])
            eventually(lambda: all(got[-1:] == [2] for got in by_hand(everybody)), what="2 at every client")
            assert all(got == [1, 2] for got in by_hand(everybody))


class Watched:
    """What clients notice from the moment at which this is made."""

    def __init__(self, listeners: list[Listener]) -> None:
        self._listeners = listeners
        self._since = time.monotonic()
        self._had = [len(got) for got in orders(listeners)]

    def gap_seconds(self) -> float:
        """Seconds for which a client got no snapshot, at most; only a quiet machine tells more than its own delays."""
        now = time.monotonic()
        return max(gap for listener in self._listeners for gap in listener.gaps(self._since, now))

    def gap_rounds(self) -> int:
        """Rounds between two snapshots that a client got one after the other, at most."""
        steps = [1]
        for had, got in zip(self._had, orders(self._listeners), strict=True):
            steps += [after[1] - before[1] for before, after in pairwise(got[max(0, had - 1) :])]
        return max(steps)


def order(snapshots: list[dict[str, int]]) -> list[tuple[int, int]]:
    """(epoch, seq) of each snapshot; what a test published by hand has none."""
    return [(snapshot["epoch"], snapshot["seq"]) for snapshot in snapshots if "epoch" in snapshot]


def orders(listeners: list[Listener]) -> list[list[tuple[int, int]]]:
    """(epoch, seq) of the snapshots that each client got, in the order of arrival."""
    return [order(data) for listener in listeners for data in listener.of("redis_cluster_metrics").values()]


def settle(deployment: Installation, listeners: list[Listener], *, within_seconds: float = 60.0) -> None:
    """Wait until every client has what is the newest snapshot now, or a later one.

    No connection brings an older snapshot after a newer. A client that comes from another replica may get one at first.

    Raises:
        AssertionError: it is not so.
    """
    newest = eventually(deployment.newest, within_seconds=within_seconds, what="the api answers")
    eventually(
        lambda: all(got and got[-1] >= newest for got in orders(listeners)),
        within_seconds=within_seconds,
        what=f"every client at {newest} or later",
    )
    for listener in listeners:
        for got in map(order, listener.by_connection("redis_cluster_metrics")):
            assert got == sorted(got), "an older snapshot after a newer one"
