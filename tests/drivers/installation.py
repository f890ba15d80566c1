"""A running installation of the product on any platform: queries and publications."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar

from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

#: Reads commands from standard input, as users' scripts write them.
_PUBLISHER = (
    "cli=$(command -v valkey-cli || command -v redis-cli); "
    "REDISCLI_AUTH=$(cat /secrets/publisher/redis-password) exec $cli --no-auth-warning --user publisher"
)


class Installation(ABC):
    """An installation behind its gateway."""

    #: Target of ``execute`` that runs Redis.
    REDIS: ClassVar[str]
    #: Longest wait for a round, in seconds.
    ROUND_WITHIN_SECONDS: ClassVar[float]

    @property
    @abstractmethod
    def origin(self) -> str:
        """Return the gateway's origin."""

    @cached_property
    def rest(self) -> Rest:
        """Return the client of the gateway."""
        return Rest(self.origin)

    @abstractmethod
    def execute(self, target: str, *command: str, input_text: str | None = None, check: bool = True) -> str:
        """Run a command in a service's container; return its output."""

    @abstractmethod
    def set_nodes(self, workers: Sequence[object]) -> None:
        """Have the collector scrape these nodes besides the installation's own."""

    def publish(self, channel: str, messages: Iterable[object]) -> None:
        """Publish messages with one call of the command line client, as users' scripts do."""
        lines = [f"PUBLISH {channel} '{json.dumps(message)}'" for message in messages]
        answers = self.execute(self.REDIS, "sh", "-c", _PUBLISHER, input_text="\n".join(lines) + "\n").split()
        assert len(answers) == len(lines), answers
        assert all(answer.isdigit() and int(answer) > 0 for answer in answers), answers

    def snapshot(self) -> dict[str, Any]:
        """Return the api's newest snapshot."""
        snapshot: dict[str, Any] = self.rest.json("/api/cluster/snapshot")
        return snapshot

    def newest(self) -> tuple[int, int]:
        """Return (epoch, seq) of the newest snapshot."""
        snapshot = self.snapshot()
        return snapshot["epoch"], snapshot["seq"]

    def next_round(self, count: int = 1) -> None:
        """Wait until the collector has made ``count`` more rounds."""
        within = self.ROUND_WITHIN_SECONDS
        before = eventually(self.newest, within_seconds=within, what="a snapshot")
        eventually(lambda: self.newest() >= (before[0], before[1] + count), within_seconds=within, what="rounds")

    def statuses(self) -> dict[str, str]:
        """Return each node's status."""
        return {node["node"]: node["status"] for node in self.snapshot()["nodes"]}
