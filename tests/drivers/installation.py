"""The running product, whatever it runs on: what can be asked of it, and published to it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar

from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

#: The commands on standard input, as people's own scripts give them.
_PUBLISHER = (
    "cli=$(command -v valkey-cli || command -v redis-cli); "
    "REDISCLI_AUTH=$(cat /secrets/publisher/redis-password) exec $cli --no-auth-warning --user publisher"
)


class Installation(ABC):
    """Reached through its gateway."""

    #: Where Redis runs, as ``execute`` takes it.
    REDIS: ClassVar[str]
    #: How long a round may keep one waiting.
    ROUND_WITHIN_SECONDS: ClassVar[float]

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the gateway is reached."""

    @cached_property
    def rest(self) -> Rest:
        """A client of it, made when it is first asked for."""
        return Rest(self.origin)

    @abstractmethod
    def execute(self, target: str, *command: str, input_text: str | None = None, check: bool = True) -> str:
        """Run a command where one of the parts runs; return what it says."""

    @abstractmethod
    def watch(self, workers: Sequence[object]) -> None:
        """Have these nodes watched besides the installation's own."""

    def publish(self, channel: str, messages: Iterable[object]) -> None:
        """Publish messages as people's own scripts do, by one call of the command line."""
        lines = [f"PUBLISH {channel} '{json.dumps(message)}'" for message in messages]
        answers = self.execute(self.REDIS, "sh", "-c", _PUBLISHER, input_text="\n".join(lines) + "\n").split()
        assert len(answers) == len(lines), answers
        assert all(answer.isdigit() and int(answer) > 0 for answer in answers), answers

    def snapshot(self) -> dict[str, Any]:
        """The newest snapshot that the api knows."""
        snapshot: dict[str, Any] = self.rest.json("/api/cluster/snapshot")
        return snapshot

    def newest(self) -> tuple[int, int]:
        """(epoch, seq) of it."""
        snapshot = self.snapshot()
        return snapshot["epoch"], snapshot["seq"]

    def next_round(self, count: int = 1) -> None:
        """Wait until the collector has made ``count`` more rounds."""
        within = self.ROUND_WITHIN_SECONDS
        before = eventually(self.newest, within_seconds=within, what="a snapshot")
        eventually(lambda: self.newest() >= (before[0], before[1] + count), within_seconds=within, what="rounds")

    def statuses(self) -> dict[str, str]:
        """Each node's status."""
        return {node["node"]: node["status"] for node in self.snapshot()["nodes"]}
