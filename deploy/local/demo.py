"""What keeps a demo apart from real data: its own folder, and no Redis that another cluster uses."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from redis import Redis, RedisError
from redis.client import Pipeline
from redis.exceptions import NoPermissionError

from contract.codec import UndecodableMessage, decode
from contract.messages import Snapshot
from contract.names import ALERT_LOG_KEY, EPOCH_KEY, LEASE_KEY, METRICS_CHANNEL, latest_key
from deploy.local.refusal import CannotStart
from deploy.local.valkey import write_private
from runtime.quoting import quoted
from runtime.redis_client import blocking_client

#: Seconds that a Redis of somebody's own gets to answer.
ANSWER_SECONDS: Final = 5.0
_WAY_OUT: Final = "Simulated nodes would be in its history: leave out REDIS_URL, or give the demo an empty Redis."


class DemoStore:
    """A Redis of somebody's own that a demo is to use; ``folder`` holds the demo's data.

    The snapshot says whether it is a demo's, but for a day only. So the epoch of the demo's last run is kept in
    ``folder``: while it is the one that is stored, no other collector has led since.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._epoch_file = folder / "redis-epoch"

    def require_no_real_cluster(self) -> None:
        """Check that no cluster of real nodes uses the Redis; nothing is written there.

        All its databases count: what is published in one is heard in all.

        Raises:
            CannotStart: one does, or may, or the Redis does not answer.
        """
        try:
            with self._client() as client:
                found = [_Found(*answers) for answers in _answers(client)]
        except (RedisError, OSError) as error:
            raise CannotStart(f"The Redis at REDIS_URL does not say whether it is free for a demo: {error}.") from None
        for raw, used_keys, epoch in found:
            if raw is not None:
                snapshot = _decoded(raw)
                if snapshot is None or not snapshot.simulated:
                    name = f"the cluster {quoted(snapshot.cluster)}" if snapshot else "a cluster"
                    raise CannotStart(f"The Redis at REDIS_URL serves {name}, which is no demo. {_WAY_OUT}")
            elif used_keys and (epoch is None or epoch.decode(errors="replace") != self._noted_epoch()):
                raise CannotStart(f"The Redis at REDIS_URL has data of a cluster that may be no demo. {_WAY_OUT}")

    def note_epoch(self) -> None:
        """Note that the Redis is the demo's as it is now; where that fails, the next demo is more careful."""
        with suppress(RedisError, OSError), self._client() as client:
            epoch: Any = client.hget(EPOCH_KEY, "epoch")
            if epoch is not None:
                write_private(self._epoch_file, epoch)

    def _noted_epoch(self) -> str | None:
        try:
            return self._epoch_file.read_text()
        except OSError:
            return None

    @contextmanager
    def _client(self) -> Iterator[Redis]:
        client = blocking_client(self._url, connect_seconds=ANSWER_SECONDS, answer_seconds=ANSWER_SECONDS)
        try:
            yield client
        finally:
            client.close()


class _Found(NamedTuple):
    """What one database holds: the last snapshot, how many keys of a cluster, the last epoch."""

    raw: bytes | None
    used_keys: int
    epoch: bytes | None


def _answers(client: Redis) -> Iterator[list[Any]]:
    """What ``_Found`` is made of, of the URL's database and of all others that have keys and may be looked into."""
    yield _ask(client.pipeline(transaction=False))
    with suppress(NoPermissionError):
        keyspace: Any = client.info("keyspace")
        for database in keyspace:
            pipeline = client.pipeline(transaction=False)
            pipeline.select(int(database.removeprefix("db")))
            yield _ask(pipeline)[1:]


def _ask(pipeline: Pipeline) -> list[Any]:
    pipeline.get(latest_key(METRICS_CHANNEL))
    pipeline.exists(LEASE_KEY, EPOCH_KEY, ALERT_LOG_KEY)
    pipeline.hget(EPOCH_KEY, "epoch")
    answers: list[Any] = pipeline.execute()
    return answers


def _decoded(raw: bytes) -> Snapshot | None:
    try:
        return decode(raw, Snapshot)
    except UndecodableMessage:
        return None
