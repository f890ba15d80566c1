"""Keeps a demo separate from real data: a demo must not use the Redis of another cluster."""

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

#: Seconds for the user's own Redis to answer.
ANSWER_SECONDS: Final = 5.0
_REMEDY: Final = "Simulated nodes would enter its history: leave out REDIS_URL, or give the demo an empty Redis."


class DemoStore:
    """The user's own Redis, in use by a demo; ``folder`` holds the demo's data.

    A snapshot shows whether it belongs to a demo, but Redis keeps the snapshot for a day only. So ``folder`` keeps the
    epoch of the demo's last run: while Redis still has that epoch, no other collector has held the lease.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._epoch_file = folder / "redis-epoch"

    def require_no_real_nodes(self) -> None:
        """Check that no cluster of real nodes uses the Redis, without a write.

        All databases are checked: a message that is published in one database reaches the subscribers of all.

        Raises:
            CannotStart: a cluster of real nodes uses or may use the Redis, or the Redis does not answer.
        """
        try:
            with self._client() as client:
                databases = [_DatabaseContent(*replies) for replies in _read_databases(client)]
        except (RedisError, OSError) as error:
            raise CannotStart(f"Cannot check whether the Redis at REDIS_URL is free for a demo: {error}.") from None
        for raw, used_keys, epoch in databases:
            if raw is not None:
                snapshot = _decode_snapshot(raw)
                if snapshot is None or not snapshot.simulated:
                    name = f"the cluster {quoted(snapshot.cluster)}" if snapshot else "a cluster"
                    raise CannotStart(f"The Redis at REDIS_URL serves {name}, which is not a demo. {_REMEDY}")
            elif used_keys and (epoch is None or epoch.decode(errors="replace") != self._saved_epoch()):
                raise CannotStart(f"The Redis at REDIS_URL has data of a cluster that may not be a demo. {_REMEDY}")

    def save_epoch(self) -> None:
        """Save the epoch that Redis has now. If that fails, the next demo may refuse this Redis."""
        with suppress(RedisError, OSError), self._client() as client:
            epoch: Any = client.hget(EPOCH_KEY, "epoch")
            if epoch is not None:
                write_private(self._epoch_file, epoch)

    def _saved_epoch(self) -> str | None:
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


class _DatabaseContent(NamedTuple):
    """Content of one database."""

    #: The last snapshot, encoded.
    raw: bytes | None
    #: Number of the cluster's keys that exist.
    used_keys: int
    epoch: bytes | None


def _read_databases(client: Redis) -> Iterator[list[Any]]:
    """Yield the fields of ``_DatabaseContent``: of the URL's database, then of each other readable one."""
    yield _read_content(client.pipeline(transaction=False))
    with suppress(NoPermissionError):
        keyspace: Any = client.info("keyspace")
        for database in keyspace:
            pipeline = client.pipeline(transaction=False)
            pipeline.select(int(database.removeprefix("db")))
            yield _read_content(pipeline)[1:]


def _read_content(pipeline: Pipeline) -> list[Any]:
    pipeline.get(latest_key(METRICS_CHANNEL))
    pipeline.exists(LEASE_KEY, EPOCH_KEY, ALERT_LOG_KEY)
    pipeline.hget(EPOCH_KEY, "epoch")
    replies: list[Any] = pipeline.execute()
    return replies


def _decode_snapshot(raw: bytes) -> Snapshot | None:
    try:
        return decode(raw, Snapshot)
    except UndecodableMessage:
        return None
