"""Whether the product works, seen from outside as a browser sees it, and what it says about the nodes."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from deploy.local.fetch import Answer, fetch
from deploy.local.words import nodes_that

#: Seconds that all nodes get to be looked at once; from then on one is enough.
FIRST_LOOK_SECONDS: Final = 15.0
_HANDSHAKE: Final = "/socket.io/?EIO=4&transport=polling"


class Watch:
    """Looks at the pages on ``host:port`` and at the services' own ports; starts its clock at once.

    ``headers`` are shown to the pages where not everybody may see them.
    """

    def __init__(
        self,
        host: str,
        port: int,
        inner: Mapping[str, int],
        headers: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._port = port
        self._inner = dict(inner)
        self._headers = dict(headers or {})
        self._monotonic = monotonic
        self._started = monotonic()
        #: What was not there yet at the last look, as a sentence.
        self.missing = "nothing was looked at yet"

    @property
    def elapsed_seconds(self) -> float:
        """Time since the start."""
        return self._monotonic() - self._started

    def is_ready(self) -> bool:
        """Whether the page shows data of this run, and the push answers."""
        self.missing = self._not_ready() or self._no_page() or self._no_round() or self._no_push() or ""
        return not self.missing

    def issues(self) -> list[str]:
        """What is wrong with the nodes, as the cluster's health says it to people."""
        try:
            health = json.loads(self._get("/api/cluster/health").body)
            return [str(issue) for issue in health["issues"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def nodes(self) -> tuple[int, int]:
        """How many nodes are online, and how many there are."""
        try:
            stats = self._snapshot(self._get("/api/cluster/snapshot"))["cluster_stats"]
            return int(stats["online_nodes"]), int(stats["total_nodes"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0

    def _get(self, path: str) -> Answer:
        return fetch(self._host, self._port, path, headers=self._headers)

    def _not_ready(self) -> str | None:
        for name, port in list(self._inner.items()):
            try:
                answer = fetch("127.0.0.1", port, "/readyz")
            except OSError as error:
                return f"{name} does not answer on port {port} ({error})"
            if answer.status != 200:
                return f"{name} says: {answer.body[:200].decode(errors='replace').strip()}"
            del self._inner[name]  # once ready is enough
        return None

    def _no_page(self) -> str | None:
        try:
            answer = self._get("/")
        except OSError as error:
            return f"the page does not answer on {self._host}:{self._port} ({error})"
        return None if answer.status == 200 else f"the page answers with status {answer.status}"

    def _no_round(self) -> str | None:
        try:
            answer = self._get("/api/cluster/snapshot")
            if answer.status != 200:
                return f"the collector has not published yet (status {answer.status})"
            # Redis may still hold the last snapshot of an earlier run.
            if int(answer.headers["age"]) + 1 > self.elapsed_seconds:
                return "the collector has not published yet in this run"
            unknown = [node["status"] == "unknown" for node in self._snapshot(answer)["nodes"]]
            if any(unknown) and (all(unknown) or self.elapsed_seconds < FIRST_LOOK_SECONDS):
                return nodes_that(
                    sum(unknown), len(unknown), "has not been looked at yet", "have not been looked at yet"
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"the snapshot cannot be read ({error!r})"
        return None

    @staticmethod
    def _snapshot(answer: Answer) -> dict[str, Any]:
        snapshot: dict[str, Any] = json.loads(answer.body)
        return snapshot

    def _no_push(self) -> str | None:
        try:
            answer = self._get(_HANDSHAKE)
            if answer.status != 200 or not answer.body.startswith(b"0{"):
                return f"the push does not answer a handshake (status {answer.status})"
            session = json.loads(answer.body.split(b"\x1e")[0][1:])["sid"]
            # Be counted no longer.
            fetch(self._host, self._port, f"{_HANDSHAKE}&sid={session}", body=b"1", headers=self._headers)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"the push does not answer a handshake ({error!r})"
        return None
