"""What the services' users of Redis may do is what the services do."""

import html
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_client

from access.grant import Grant
from access.revocations import Revocations, revocation_of_user
from access.scripts import REVOKE, revoke_call
from access.settings import read_access
from api.access.command_line import CommandEnvironment, revoke
from api.app import create_app
from api.app_resources import resources_of
from api.config import Config
from contract.history import MEASURES, TEN_SECONDS
from contract.library import LIBRARY
from contract.names import (
    BACKUP_KEY,
    EPOCH_KEY,
    METRICS_CHANNEL,
    REVOCATIONS_KEY,
    REVOKED_CHANNEL,
    history_key,
    replica_key,
)
from contract.scripts import (
    PRESENT_REPLICA,
    PUBLISH_ROUND,
    RECORD_HISTORY,
    RECORD_NODE_EVENTS,
    HistoryRecord,
    Lease,
    NodeEventBatch,
    Publication,
    present_replica_call,
    publish_round_call,
    record_history_call,
    record_history_reply,
    record_node_events_call,
)
from runtime.functions import call
from runtime.redis_client import blocking_client
from runtime.settings import Environment
from tests.drivers.redis_users import USERS, load_functions, users
from tests.drivers.redis_users import url_of as url_of_user
from tests.drivers.valkey import Valkey
from ws.access.revocation import RevocationFeed

DEPLOY = Path(__file__).parents[2]
NOW = 1_795_426_860


@pytest.fixture
def url_of(valkey: Valkey) -> Iterator[Callable[[str], str]]:
    """The URL of a service's user."""
    with users(valkey):
        # As in the container, the operator loads the functions, and the services find them there.
        load_functions(valkey, LIBRARY)
        yield lambda name: url_of_user(valkey, name)


def test_documentation_has_the_lines_of_the_users_that_services_and_scripts_have() -> None:
    described = set((DEPLOY.parent / "docs/data.md").read_text().splitlines())
    for line in USERS.read_text().splitlines():
        name = line.split()[1]
        if name not in ("default", "operator"):
            assert line.replace(f"#@{name}@", f">{name.upper()}_PASSWORD") in described


def test_history_is_recorded_by_the_collector_and_read_by_the_api(
    redis: redis_client.Redis, url_of: Callable[[str], str]
) -> None:
    redis.hset(EPOCH_KEY, "epoch", "1")
    collector = blocking_client(url_of("collector"), connect_seconds=10, answer_seconds=10)
    # The second is earlier than the first: the clock went back, and the stream is written anew.
    for start in (NOW, NOW - 60, NOW - 50):
        records = [
            HistoryRecord(TEN_SECONDS, "a", start, b"[5,12.5]"),
            HistoryRecord(TEN_SECONDS, None, start, b'[5,[1,2,3,4,"a"]]'),
        ]
        assert record_history_reply(call(collector, RECORD_HISTORY, record_history_call(1, records))).refused == 0
    collector.close()
    assert redis.xlen(history_key(10, "a")) == 2

    app = create_app(Config(redis_url=url_of("api"), cluster_name="lab"))
    query = "node=a&start=2026-11-23T09:39:00Z&end=2026-11-23T09:41:00Z"
    response = app.test_client().get(f"/api/history?{query}")
    whole = app.test_client().get(f"/api/history?{query.removeprefix('node=a&')}")
    assert whole.get_json()["distribution"] is not None
    resources_of(app).connection.close()
    assert response.status_code == 200
    measures = response.get_json()["series"][0]["measures"]
    assert list(measures) == list(MEASURES)
    assert redis.execute_command("ACL LOG") == []


def test_rules_and_incidents_are_kept_by_the_collector_and_read_by_the_api(
    redis: redis_client.Redis, url_of: Callable[[str], str]
) -> None:
    golden = DEPLOY.parent / "contract/golden/messages"
    rules, incident = ((golden / f"{name}.json").read_bytes() for name in ("rules", "incident"))
    redis.hset(EPOCH_KEY, mapping={"epoch": "1", "seq": "0"})
    with blocking_client(url_of("collector"), connect_seconds=10, answer_seconds=10) as collector:
        for seq in (1, 2):
            ended = Publication(
                Lease("x", "lab", 2.0),
                1,
                seq,
                {METRICS_CHANNEL: b"x"},
                ((f"1-{seq}", b"entry"),),
                rules=rules,
                incidents={f"1-{seq}": incident},
                incidents_since="2026-11-23T07:01:07.000Z",
            )
            assert call(collector, PUBLISH_ROUND, publish_round_call(ended)) == b"published"

    app = create_app(Config(redis_url=url_of("api"), cluster_name="lab"))
    client = app.test_client()
    assert client.get("/api/rules").data == rules
    assert len(client.get("/api/incidents").get_json()["incidents"]) == 2
    resources_of(app).connection.close()
    assert redis.execute_command("ACL LOG") == []


def test_node_events_are_recorded_by_the_collector_and_read_by_the_api(
    redis: redis_client.Redis, url_of: Callable[[str], str]
) -> None:
    raw = (DEPLOY.parent / "contract/golden/messages/node_event.json").read_bytes()
    redis.hset(EPOCH_KEY, "epoch", "1")
    batch = NodeEventBatch(0, 0, "2026-11-20T07:01:07.000Z", [raw])
    with blocking_client(url_of("collector"), connect_seconds=10, answer_seconds=10) as collector:
        assert call(collector, RECORD_NODE_EVENTS, record_node_events_call(1, batch)) == b"recorded"

    app = create_app(Config(redis_url=url_of("api"), cluster_name="lab"))
    found = app.test_client().get("/api/history/marks?start=2026-11-22T00:00:00Z").get_json()
    resources_of(app).connection.close()
    assert ([mark["kind"] for mark in found["marks"]], found["known_since"]) == (
        ["offline"],
        "2026-11-20T07:01:07.000Z",
    )
    assert redis.execute_command("ACL LOG") == []


def test_ws_replica_reads_revocations_of_the_api(
    redis: redis_client.Redis, url_of: Callable[[str], str], tmp_path: Path
) -> None:
    # given
    key = tmp_path / "key"
    key.write_text("k" * 64)
    access = read_access(Environment({"ACCESS": "closed", "ACCESS_KEY_FILE": str(key)}))
    app = create_app(Config(redis_url=url_of("api"), access=access))
    # when: the first credential has the api make the store's generation, an attempt is counted, a command revokes
    client = app.test_client()
    assert client.get("/api/session", headers={"Authorization": "Bearer guessed"}).status_code == 401
    page = client.get("/login").text
    token = html.unescape(page.partition('name="csrf" value="')[2].partition('"')[0])
    answer = client.post("/login", data={"csrf": token, "user": "ada", "password": "guessed"})
    now = time.time()
    revoke(CommandEnvironment({"REDIS_URL": url_of("api")}), revocation_of_user("ada", now), now + 60)
    resources_of(app).connection.close()
    # then
    assert answer.status_code == 401
    replica = blocking_client(url_of("ws"), connect_seconds=10, answer_seconds=10)
    revocations = Revocations()
    RevocationFeed(replica, revocations).refresh()
    assert revocations.generation
    assert revocations.includes(Grant("session", "ada", frozenset(), "x", now - 1, now + 60, revocations.generation))
    with replica.pubsub() as pubsub:
        pubsub.subscribe(REVOKED_CHANNEL)
        assert pubsub.get_message(timeout=10) is not None
    replica.close()
    assert redis.execute_command("ACL LOG") == []


def test_no_other_acl_file_is_shipped() -> None:
    assert list(DEPLOY.rglob("*.acl")) == [USERS]


@pytest.mark.parametrize("user", ["collector", "ws", "api", "publisher"])
@pytest.mark.parametrize(
    "command",
    [
        ("FUNCTION", "LOAD", "REPLACE", LIBRARY),
        ("FUNCTION", "DELETE", LIBRARY.partition("name=")[2].partition("\n")[0]),
        ("FUNCTION", "FLUSH"),
        ("FUNCTION", "LIST"),
        ("FUNCTION", "RESTORE", "x"),
        ("FUNCTION", "KILL"),
        ("EVAL", "while true do end", "0"),
        ("EVAL_RO", "while true do end", "0"),
        ("EVALSHA", "0" * 40, "0"),
        ("EVALSHA_RO", "0" * 40, "0"),
        ("SCRIPT", "LOAD", "return 1"),
        ("SCRIPT", "FLUSH"),
        ("SCRIPT", "KILL"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_service_may_not_load_change_or_kill_scripts(
    url_of: Callable[[str], str], user: str, command: tuple[str, ...]
) -> None:
    with redis_client.Redis.from_url(url_of(user)) as client, pytest.raises(redis_client.exceptions.NoPermissionError):
        client.execute_command(*command)


def test_ws_replica_may_call_only_its_own_function_usefully(
    redis: redis_client.Redis, url_of: Callable[[str], str]
) -> None:
    # given
    redis.hset(EPOCH_KEY, mapping={"epoch": "1", "seq": "0"})
    round_of_another = publish_round_call(Publication(Lease("x", "lab", 2.0), 1, 1, {METRICS_CHANNEL: b"forged"}))
    with blocking_client(url_of("ws"), connect_seconds=10, answer_seconds=10) as client:
        # when
        call(client, PRESENT_REPLICA, present_replica_call("r1", {"version": "1"}))
        # then
        assert redis.exists(replica_key("r1"))
        assert redis.execute_command("ACL LOG") == []
        for script, (keys, args) in ((PUBLISH_ROUND, round_of_another), (REVOKE, revoke_call("user:ada@1", 2e9, 1e9))):
            with pytest.raises(redis_client.exceptions.NoPermissionError):
                client.fcall(script.function_name, len(keys), *keys, *args)
            # Nor where the keys are not told of.
            with pytest.raises(redis_client.ResponseError):
                client.fcall(script.function_name, 0, *keys, *args)
    assert not redis.exists(REVOCATIONS_KEY)
    assert redis.hget(EPOCH_KEY, "seq") == b"0"


def test_operator_ends_scripts_and_loads_functions_and_runs_neither(url_of: Callable[[str], str]) -> None:
    with redis_client.Redis.from_url(url_of("operator")) as operator:
        for command in ("FUNCTION KILL", "SCRIPT KILL"):
            with pytest.raises(redis_client.ResponseError, match="NOTBUSY"):
                operator.execute_command(command)
        with pytest.raises(redis_client.ResponseError, match="already exists"):
            operator.function_load(LIBRARY)
        for refused in (("EVAL", "return 1", "0"), ("FCALL", "x", "0"), ("FUNCTION", "FLUSH"), ("GET", EPOCH_KEY)):
            with pytest.raises(redis_client.exceptions.NoPermissionError):
                operator.execute_command(*refused)


def test_operator_notes_when_a_backup_was_made_and_cannot_read_it(
    redis: redis_client.Redis, url_of: Callable[[str], str]
) -> None:
    with redis_client.Redis.from_url(url_of("operator")) as operator:
        operator.set(BACKUP_KEY, NOW)
        with pytest.raises(redis_client.exceptions.NoPermissionError):
            operator.get(BACKUP_KEY)
        with pytest.raises(redis_client.exceptions.NoPermissionError):
            operator.set(EPOCH_KEY, NOW)
    with redis_client.Redis.from_url(url_of("collector")) as collector:
        assert collector.get(BACKUP_KEY) == str(NOW).encode()
        assert "used_memory" in collector.info("memory")
        with pytest.raises(redis_client.exceptions.NoPermissionError):
            collector.set(BACKUP_KEY, 0)
