"""The collector's checks and metrics of rounds, Redis, replicas, the last backup and the certificate."""

import asyncio
import calendar
import time

import pytest

from collector.certificate import certificate_expiry
from collector.installation_check import (
    InstallationCheck,
    RedisStatus,
    VanishedReplicas,
    is_saving,
    vanished_replicas,
    why_not_saving,
)
from collector.metrics import CERTIFICATE_END, LAST_BACKUP, exposition
from collector.missed_rounds import MissedRounds
from collector.redis_client import RedisClient
from contract import VERSION
from contract.names import BACKUP_KEY, CUT_KEY, DISK_KEY, REPLICAS_KEY, VANISHED_KEY
from contract.scripts import PRESENT_REPLICA, present_replica_call
from runtime.functions import call
from runtime.redis_failures import RedisAway
from tests.drivers.certificate import make_certificate, make_dated_certificate
from tests.drivers.redis_users import url_of, users

OF_REDIS = (
    "collector_redis_memory_used_bytes", "collector_redis_memory_limit_bytes", "collector_redis_persistence",
    "collector_last_backup_timestamp_seconds",
)  # fmt: skip
NOW = 1_796_037_721.0


def metrics():
    lines = exposition()[0].decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_metrics_have_the_build_version():
    assert metrics()[f'dispycluster_build_info{{version="{VERSION}"}}'] == "1.0"


def test_round_is_missed_once_it_is_half_an_interval_late_and_counts_once():
    now = [0.0]
    missed_rounds = MissedRounds(2.0, lambda: now[0])
    now[0] = 100.0
    assert missed_rounds.missed == 0  # no round is due before the first
    missed_rounds.note_published()
    counts = []
    for later in (101.9, 102.9, 103.1, 104.9, 105.1):
        now[0] = later
        counts.append(missed_rounds.missed)
    assert counts == [0, 0, 1, 1, 2]
    missed_rounds.note_published()
    assert missed_rounds.missed == 2
    now[0] = 107.0
    missed_rounds.note_published()
    assert missed_rounds.missed == 2


def test_collector_is_not_slow_when_rounds_of_half_a_second_are_a_little_late():
    now = [0.0]
    missed_rounds = MissedRounds(0.5, lambda: now[0])
    for later in (0.0, *[1.4] * 20):
        now[0] += later
        missed_rounds.note_published()
    assert missed_rounds.missed > 20
    assert not missed_rounds.is_slow
    for _ in range(5):
        now[0] += 1.6
        missed_rounds.note_published()
    assert missed_rounds.is_slow


def test_standby_collector_misses_no_round():
    now = [0.0]
    missed_rounds = MissedRounds(2.0, lambda: now[0])
    missed_rounds.note_published()
    now[0] = 4.0
    missed_rounds.note_standby()
    now[0] = 1000.0
    assert missed_rounds.missed == 1
    missed_rounds.note_published()
    assert missed_rounds.missed == 1


def test_collector_is_slow_when_several_rounds_are_late_but_not_after_one_long_gap():
    now = [0.0]
    missed_rounds = MissedRounds(2.0, lambda: now[0])

    def publish(later):
        now[0] += later
        missed_rounds.note_published()
        return missed_rounds.is_slow

    # a restart of Redis delays one round, however long it takes
    assert [publish(seconds) for seconds in (0.0, 2.0, 35.0, 2.0, 3.0)] == [False] * 5
    assert [publish(seconds) for seconds in (4.0, 4.0, 4.0, 4.0)] == [False, False, False, True]
    assert publish(2.0)
    # the collector is not slow after many rounds in time
    assert [publish(2.0) for _ in range(30)][-1] is False
    assert [publish(4.0) for _ in range(5)] == [False, False, False, False, True]
    missed_rounds.note_standby()
    assert not missed_rounds.is_slow


AOF = {"loading": 0, "aof_enabled": 1, "aof_last_write_status": "ok", "rdb_last_bgsave_status": "ok"}
SNAPSHOTS = {**AOF, "aof_enabled": 0, "rdb_last_save_time": NOW - 800, "rdb_changes_since_last_save": 9}


@pytest.mark.parametrize(
    ("info", "had_aof", "saves"),
    [
        ({}, False, None),
        ({**AOF, "loading": 1}, False, None),
        (AOF, True, True),
        ({**AOF, "aof_last_write_status": "err"}, True, False),
        ({**AOF, "rdb_last_bgsave_status": "err"}, True, True),
        (SNAPSHOTS, False, True),
        (SNAPSHOTS, True, False),
        ({**SNAPSHOTS, "rdb_last_bgsave_status": "err"}, False, False),
        ({**SNAPSHOTS, "rdb_last_save_time": NOW - 3700}, False, False),
        ({**SNAPSHOTS, "rdb_last_save_time": NOW - 3700, "rdb_changes_since_last_save": 0}, False, True),
    ],
)
def test_redis_is_saving_when_its_last_write_succeeded_and_saving_is_switched_on(info, had_aof, saves):
    assert is_saving(info, NOW, had_aof=had_aof) == saves


def test_reason_tells_failing_saves_from_switched_off_ones():
    assert why_not_saving({**AOF, "aof_last_write_status": "err"}).code == "persistence_failing"
    assert why_not_saving({**SNAPSHOTS, "rdb_last_bgsave_status": "err"}).code == "persistence_failing"
    assert why_not_saving(SNAPSHOTS).code == "persistence_off"


def test_replica_has_vanished_when_it_disappeared_recently_while_redis_ran():
    def known(went, started=0.0):
        return vanished_replicas([(b"a", went * 1000)], started, NOW, 10.0, 600.0)

    assert known(NOW - 1) == known(NOW - 599) == {"a"}
    assert known(NOW - 601) == known(NOW + 5) == frozenset()
    # the replica may have shut down while Redis was away
    assert known(NOW - 100, started=NOW - 105) == frozenset()
    assert known(NOW - 100, started=NOW - 120) == {"a"}


class Installation:
    """A status reader with values that a test sets; ``None``: Redis is away."""

    def __init__(self):
        self.info, self.gone = AOF, frozenset()

    async def read_status(self):
        if self.info is None:
            raise RedisAway
        return RedisStatus(self.info)

    async def read_vanished_replicas(self):
        if self.gone is None:
            raise RedisAway
        return VanishedReplicas(self.gone)


def test_degradation_lasts_until_its_cause_ends():
    there = Installation()
    installation_check = InstallationCheck(there, None)

    def codes():
        asyncio.run(installation_check.check())
        return [(each.code, each.args) for each in installation_check.degradations]

    assert codes() == []
    there.info, there.gone = {**AOF, "aof_last_write_status": "err"}, frozenset({"a", "b"})
    # a replica that lost its connection for a moment is present at the second check
    assert codes() == [("persistence_failing", {})]
    there.gone = frozenset({"b", "c"})
    assert codes() == [("persistence_failing", {}), ("replica_vanished", {"count": 1})]
    there.info = SNAPSHOTS  # saving is switched off now
    assert codes() == [("persistence_off", {}), ("replica_vanished", {"count": 2})]
    # unknown figures are no degradation
    there.info, there.gone = {}, None
    assert codes() == []


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        (None, []),
        ('{"at":1796037721,"bytes":4096,"kind":"zeros"}', [("data_cut", {"cut_bytes": 4096})]),
        ('{"bytes":-1}', []),
        ('{"bytes":"many"}', []),
        ("[]", []),
        ("none", []),
    ],
)
def test_cut_data_is_a_note_and_no_degradation(valkey, redis, value, codes):
    if value is not None:
        redis.set(CUT_KEY, value)

    with users(valkey):
        installation_check = looked_at(url_of(valkey, "collector"))
    assert [(each.code, each.args) for each in installation_check.notes] == codes
    assert installation_check.degradations == []


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ('{"free_bytes":50000000,"needed_bytes":20000000}', ["redis_disk_nearly_full"]),
        ('{"free_bytes":1000,"needed_bytes":20000000}', ["redis_disk_full"]),
        ('{"free_bytes":1000}', []),
        ('{"free_bytes":1000,"needed_bytes":true}', []),
    ],
)
def test_nearly_full_disk_of_the_container_is_a_degradation(valkey, redis, value, codes):
    redis.set(DISK_KEY, value)

    with users(valkey):
        installation_check = looked_at(url_of(valkey, "collector"))
    assert [each.code for each in installation_check.degradations] == codes


def test_vanished_replica_is_found_with_the_acl_of_the_containers(valkey, redis, monkeypatch):
    fields = {"connected_clients": 1, "started": "", "version": "1", "messages": 1, "deliveries": 1}

    def present(name):
        call(redis, PRESENT_REPLICA, present_replica_call(name, fields))

    with users(valkey):

        async def ask():
            client = RedisClient(url_of(valkey, "collector"))
            installation_check = InstallationCheck(client, None)
            for _ in range(2):
                await installation_check.check()
            await client.close()
            return [(each.code, each.args) for each in installation_check.degradations]

        # the server of this test may have started a moment ago
        monkeypatch.setattr("collector.redis_client.PRESENCE_TTL_SECONDS", -60.0)
        present("killed")
        redis.zadd(REPLICAS_KEY, {"killed": (time.time() - 1) * 1000})
        present("living")
        assert redis.zrange(REPLICAS_KEY, 0, -1) == [b"living"]
        assert redis.zrange(VANISHED_KEY, 0, -1) == [b"killed"]
        assert asyncio.run(ask()) == [("replica_vanished", {"count": 1})]
        # a replica that returns has not vanished
        present("killed")
        assert asyncio.run(ask()) == []
        # an ACL of a previous release denies the key, which is no degradation
        redis.zadd(VANISHED_KEY, {"another": (time.time() - 1) * 1000})
        redis.execute_command("ACL", "SETUSER", "collector", "-zrange", "-info")
        assert asyncio.run(ask()) == []
        redis.execute_command("ACL", "LOG", "RESET")


def look(redis, certificate=None):
    asyncio.run(InstallationCheck(redis, certificate).check())


def looked_at(url):
    async def run():
        client = RedisClient(url)
        installation_check = InstallationCheck(client, None)
        try:
            await installation_check.check()
        finally:
            await client.close()
        return installation_check

    return asyncio.run(run())


def test_figures_of_redis_are_read_with_the_acl_of_the_containers(valkey, redis):
    with users(valkey):
        looked_at(url_of(valkey, "collector"))
        told = metrics()
        assert float(told["collector_redis_memory_used_bytes"]) > 1000
        assert told["collector_redis_persistence"] in ("0.0", "1.0")
        assert "collector_last_backup_timestamp_seconds" not in told
        redis.set(BACKUP_KEY, "1796037721")
        looked_at(url_of(valkey, "collector"))
        assert float(metrics()["collector_last_backup_timestamp_seconds"]) == NOW
        redis.config_set("maxmemory", "100mb")
        looked_at(url_of(valkey, "collector"))
        assert float(metrics()["collector_redis_memory_limit_bytes"]) == 100 * 1024 * 1024
        redis.config_set("maxmemory", "0")
        assert redis.execute_command("ACL LOG") == []


def test_denied_figures_are_omitted_and_not_requested_again_soon(valkey, redis):
    with users(valkey):
        redis.execute_command("ACL", "SETUSER", "collector", "-info")

        async def run():
            client = RedisClient(url_of(valkey, "collector"))
            installation_check = InstallationCheck(client, None)
            for _ in range(3):
                await installation_check.check()
            await client.close()

        asyncio.run(run())
        assert not [name for name in metrics() if name.startswith(OF_REDIS)]
        assert sum(int(entry["count"]) for entry in redis.acl_log()) <= 3
        redis.execute_command("ACL", "LOG", "RESET")


def test_figures_are_unknown_when_redis_is_away():
    class Away:
        async def read_status(self):
            raise RedisAway

        async def read_vanished_replicas(self):
            raise RedisAway

    class There:
        async def read_status(self):
            return RedisStatus({"used_memory": 5, "maxmemory": 9}, 3.0)

        async def read_vanished_replicas(self):
            return VanishedReplicas()

    look(There())
    assert metrics()["collector_redis_memory_limit_bytes"] == "9.0"
    assert LAST_BACKUP.value == 3.0
    look(Away())
    assert not [name for name in metrics() if name.startswith(OF_REDIS)]


@pytest.mark.parametrize("end", ["20351231235958Z", "20610102030405Z"])
def test_end_of_the_certificate_is_read_from_its_file(tmp_path, end):
    make_certificate(tmp_path, "IP:127.0.0.1")
    make_dated_certificate(tmp_path, "dated", "20200101000000Z", end)
    (tmp_path / "chain.pem").write_text((tmp_path / "dated.crt").read_text() + (tmp_path / "ca.crt").read_text())

    assert certificate_expiry(tmp_path / "chain.pem") == calendar.timegm(time.strptime(end, "%Y%m%d%H%M%SZ"))


@pytest.mark.parametrize(
    "text",
    [
        "", "no certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    ],
)  # fmt: skip
def test_file_without_a_certificate_has_no_end(tmp_path, text):
    path = tmp_path / "x.pem"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        certificate_expiry(path)

    class Quiet:
        async def read_status(self):
            return RedisStatus()

        async def read_vanished_replicas(self):
            return VanishedReplicas()

    CERTIFICATE_END.value = 1.0
    look(Quiet(), path)
    assert CERTIFICATE_END.value is None
