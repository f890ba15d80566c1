"""A demo does not mix with real data."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from redis import Redis

import contract
from contract.codec import decode, encode
from contract.messages import Snapshot
from contract.names import EPOCH_KEY, METRICS_CHANNEL, latest_key
from deploy.local.demo import DemoStore
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from tests.drivers.ports import free_port
from tests.drivers.valkey import Valkey

LATEST = latest_key(METRICS_CHANNEL)
GOLDEN = (Path(contract.__file__).parent / "golden" / "messages" / "metrics.json").read_bytes()
#: Snapshot of a collector of 0.2.0, which lacks the field ``simulated``.
OLD_SNAPSHOT = msgspec.json.encode(
    {key: value for key, value in msgspec.json.decode(GOLDEN).items() if key != "simulated"}
)
SIMULATED = encode(msgspec.structs.replace(decode(GOLDEN, Snapshot), simulated=True))


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    valkey = Valkey()
    valkey.start(None, "--databases", "16")
    yield valkey
    valkey.stop()


@pytest.fixture
def redis(valkey: Valkey) -> Iterator[object]:
    """The server, without data."""
    client = valkey.client()
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def store(valkey: Valkey, tmp_path: Path) -> DemoStore:
    return DemoStore(valkey.url, tmp_path)


@pytest.mark.parametrize("variables", [{}, {"REDIS_URL": "redis://127.0.0.1/0"}])
def test_demo_has_its_own_folder_in_the_data_folder(variables: dict[str, str], tmp_path: Path) -> None:
    # when
    settings = Settings.from_environment({"DATA_DIR": str(tmp_path), "DEMO_NODES": "4", **variables})
    # then
    assert settings.data_dir == tmp_path / "demo"
    assert settings.command("make user NAME=ada") == f"make user NAME=ada DATA_DIR={tmp_path / 'demo'}"


@pytest.mark.parametrize("left", [{}, {LATEST: SIMULATED}, {LATEST: SIMULATED, "cluster:alerts:log": b"x"}])
def test_demo_accepts_a_redis_that_is_empty_or_serves_a_demo(redis, store, left):
    # given
    for key, value in left.items():
        redis.set(key, value)
    # when
    store.require_no_real_nodes()
    # then: the check has written nothing
    assert redis.dbsize() == len(left)


@pytest.mark.parametrize("latest", [GOLDEN, OLD_SNAPSHOT])
def test_demo_is_refused_when_the_redis_serves_a_cluster_of_real_nodes(redis, store, latest):
    redis.set(LATEST, latest)
    with pytest.raises(CannotStart, match=r"serves the cluster 'lab', which is not a demo.* leave out REDIS_URL"):
        store.require_no_real_nodes()


@pytest.mark.parametrize(
    ("left", "error"), [({LATEST: OLD_SNAPSHOT}, "which is not a demo"), ({"cluster:alerts:log": b"x"}, "may not be")]
)
def test_demo_is_refused_when_another_database_has_real_nodes(valkey, redis, store, left, error):
    # A message that is published in one database reaches the subscribers of all.
    with Redis.from_url(valkey.url.removesuffix("/0"), db=3) as client:
        for key, value in left.items():
            client.set(key, value)
    with pytest.raises(CannotStart, match=error):
        store.require_no_real_nodes()


def test_demo_checks_only_its_own_database_when_its_user_may_not_read_others(valkey, redis, tmp_path):
    redis.execute_command("ACL SETUSER", "narrow", "on", ">x", "~*", "+get", "+exists", "+hget")
    store = DemoStore(valkey.url.replace("//", "//narrow:x@"), tmp_path)
    store.require_no_real_nodes()
    redis.set(LATEST, OLD_SNAPSHOT)
    with pytest.raises(CannotStart, match="which is not a demo"):
        store.require_no_real_nodes()
    redis.execute_command("ACL DELUSER", "narrow")


def test_demo_is_refused_when_the_last_snapshot_cannot_be_read(redis, store):
    redis.set(LATEST, b"{}")
    with pytest.raises(CannotStart, match="serves a cluster, which is not a demo"):
        store.require_no_real_nodes()


@pytest.mark.parametrize("key", ["cluster:collector:epoch", "cluster:alerts:log", "cluster:collector"])
def test_demo_is_refused_when_the_redis_has_old_data_of_a_cluster(redis, store, key):
    redis.hset(key, "epoch", "7")

    with pytest.raises(CannotStart, match="has data of a cluster that may not be a demo"):
        store.require_no_real_nodes()


def test_demo_accepts_its_redis_again_when_no_other_collector_has_held_the_lease(redis, store):
    # given
    redis.hset(EPOCH_KEY, "epoch", "7")
    store.save_epoch()
    # then
    store.require_no_real_nodes()
    # when
    redis.hset(EPOCH_KEY, "epoch", "8")
    # then
    with pytest.raises(CannotStart, match="has data of a cluster that may not be a demo"):
        store.require_no_real_nodes()


def test_saved_epoch_does_not_overwrite_the_target_of_a_link(redis, store, tmp_path):
    # given
    (tmp_path / "kept").write_text("precious")
    (tmp_path / "redis-epoch").symlink_to(tmp_path / "kept")
    redis.hset(EPOCH_KEY, "epoch", "7")
    # when
    store.save_epoch()
    # then
    assert (tmp_path / "kept").read_text() == "precious"
    store.require_no_real_nodes()


def test_demo_is_refused_when_the_redis_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="Cannot check whether the Redis at REDIS_URL is free for a demo"):
        DemoStore(f"redis://127.0.0.1:{free_port()}/0", tmp_path).require_no_real_nodes()
