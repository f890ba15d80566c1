"""With closed access, namespaces need a valid credential, and a revocation ends connections."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from redis import Redis

from access.grant import PUBLISH
from access.revocations import revocation_of_device, revocation_of_user
from access.scripts import REVOKE, revoke_call
from contract.events import NAMESPACES
from contract.names import GENERATION_KEY, METRICS_CHANNEL, REVOCATION_LOG_KEY, REVOCATIONS_KEY
from runtime.functions import call
from tests.drivers.credentials import Credentials
from tests.drivers.forged import base64url, jwt
from tests.drivers.publisher import Publisher, message
from tests.drivers.raw_client import RawClient
from tests.drivers.replica import Replica, Start
from tests.drivers.stepped_clock import SteppedClock
from tests.drivers.waiting import eventually


@pytest.fixture
def credentials(tmp_path: Path, redis: Redis) -> Credentials:
    return Credentials(tmp_path, redis)


#: Prelude: the replica closes a connection without a credential sooner than usual.
IMPATIENT = "import ws.access.admission; ws.access.admission.CREDENTIAL_SECONDS = 1.0"
#: Prelude: the replica reads all revocations again sooner than usual.
REREADS = "import ws.access.revocation; ws.access.revocation.REREAD_SECONDS = 0.5"


@pytest.fixture
def closed(replicas: Start, credentials: Credentials) -> Replica:
    return started(replicas, credentials)


def started(replicas: Start, credentials: Credentials, prelude: str = "", **env: str) -> Replica:
    token = credentials.token("probe")
    return replicas(headers={"Authorization": f"Bearer {token}"}, prelude=prelude, **credentials.env, **env)


def ask(replica: Replica, namespace: str, *headers: str, auth: object = None, cookie: str | None = None) -> RawClient:
    """Return a client that requested a namespace and got an answer."""
    if cookie is not None:
        headers = (*headers, f"Cookie: {cookie}", f"Origin: {replica.origin}")
    client = replica.bare_client(headers=headers)
    prefix = "" if namespace == "/" else f"{namespace},"
    client.send(f"40{prefix}{'' if auth is None else json.dumps(auth)}")
    client.wait(lambda packet: packet.startswith((f"0{prefix}{{", f"4{prefix}{{")))
    return client


def refusal(client: RawClient) -> dict[str, Any]:
    """Return the refusal, which must be the only packet that the client got."""
    others = [packet for packet in client.packets if packet and not packet.startswith("{")]
    assert len(others) == 1, others
    assert others[0].startswith("4"), others
    data: dict[str, Any] = json.loads(others[0][others[0].index("{") :])["data"]
    return data


def assert_removed(client: RawClient) -> None:
    """Wait until the client has got the reason and has been removed from its namespace."""
    assert json.loads(client.event("error"))["code"] == "sign_in_required"
    client.wait(lambda packet: packet.startswith("1"))


def is_admitted(client: RawClient) -> bool:
    return any(packet.startswith("0") for packet in client.packets)


@pytest.mark.parametrize("namespace", [*NAMESPACES, "/nowhere"])
def test_namespace_sends_nothing_without_a_credential(closed: Replica, collector: Publisher, namespace: str) -> None:
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL))

    client = ask(closed, namespace)

    assert refusal(client)["code"] == "sign_in_required"
    # The replica closes the connection at the next request, and published messages reach no client.
    prefix = "" if namespace == "/" else f"{namespace},"
    client.send(f'42{prefix}7["request_health"]')
    client.wait_until_closed()
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL))
    other = ask(closed, namespace)
    assert refusal(other)["code"] == "sign_in_required"
    refusal(client)


def test_no_event_is_answered_without_a_credential(closed: Replica) -> None:
    from ws.namespaces.health import HealthNamespace
    from ws.namespaces.monitoring import MonitoringNamespace
    from ws.namespaces.root import RootNamespace

    nothing: Any = None
    table = {
        namespace.name: sorted(namespace.requests)
        for namespace in (
            RootNamespace(nothing, nothing, nothing, ""),
            HealthNamespace(nothing, nothing, nothing, nothing),
            MonitoringNamespace(_NoPush(), nothing, nothing, nothing, nothing),
        )
    }
    assert set(table) == set(NAMESPACES)
    assert sum(map(len, table.values())) >= 4
    for namespace, events in table.items():
        prefix = "" if namespace == "/" else f"{namespace},"
        for event in events:
            client = ask(closed, namespace)
            client.send(f'42{prefix}1["{event}"]')
            client.wait_until_closed()
            refusal(client)


class _NoPush:
    def join(self, *_: object) -> None: ...


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_namespace_admits_a_client_with_a_session_or_a_token(
    closed: Replica, credentials: Credentials, namespace: str
) -> None:
    assert is_admitted(ask(closed, namespace, cookie=credentials.cookie()))
    assert is_admitted(ask(closed, namespace, cookie=f"a=b; {credentials.cookie()}; broken[=1"))
    assert is_admitted(ask(closed, namespace, auth={"token": credentials.token("reader")}))


def test_token_without_the_read_scope_is_refused(closed: Replica, credentials: Credentials) -> None:
    token = credentials.token("writer", scopes=(PUBLISH,))

    assert refusal(ask(closed, "/", auth={"token": token}))["code"] == "forbidden"


def forged(credentials: Credentials) -> dict[str, str]:
    session = credentials.session()
    cookie = credentials.seal.seal(session)
    payload, _, signature = cookie.partition(".")
    other = msgspec.json.encode(credentials.session("root"))

    return {
        "empty": "",
        "unsigned": payload,
        "no signature": f"{payload}.",
        "truncated": cookie[:-1],
        "payload cut": f"{payload[:-4]}.{signature}",
        "another payload": f"{base64url(other)}.{signature}",
        "alg none": jwt("none", b"", payload),
        "alg HS256 with no key": jwt("HS256", b"", payload),
        "alg HS256 with public text": jwt("HS256", credentials.seal.cookie.encode(), payload),
        "another key": type(credentials.seal)(b"x" * 64).seal(session),
        "expired": credentials.seal.seal(credentials.session(lives=-1)),
        "idle": credentials.seal.seal(credentials.session(idles=-1)),
        "of another store": credentials.seal.seal(msgspec.structs.replace(session, generation="0" * 32)),
        "of no store": credentials.seal.seal(msgspec.structs.replace(session, generation="")),
        "long": "a" * 5000,
        "garbage": "\u00ff.\u00ff",
    }


def test_forged_cookie_is_refused(closed: Replica, credentials: Credentials) -> None:
    for kind, value in forged(credentials).items():
        client = ask(closed, "/", cookie=f"{credentials.seal.cookie}={value}")

        assert refusal(client)["code"] == "sign_in_required", kind


@pytest.mark.parametrize("token", [5, "", "dcl_", "dcl_" + "a" * 43, "a" * 5000, ["x"], {"$ne": ""}, True])
def test_invalid_token_is_refused(closed: Replica, credentials: Credentials, token: object) -> None:
    client = ask(closed, "/", auth={"token": token}, cookie=credentials.cookie())

    # A presented token is used instead of the cookie.
    assert refusal(client)["code"] == "sign_in_required"


def test_token_is_refused_when_it_is_expired_truncated_or_in_the_url(closed: Replica, credentials: Credentials) -> None:
    token = credentials.token()

    assert not is_admitted(ask(closed, "/", auth={"token": credentials.token("old", lives=-1)}))
    assert not is_admitted(ask(closed, "/", auth={"token": token[:-1]}))
    assert not is_admitted(ask(closed, "/", auth={"token": token.upper()}))
    opened = closed.get(f"/socket.io/?EIO=4&transport=polling&token={token}", headers={"Cookie": ""})
    sid = json.loads(opened.text[1:])["sid"]
    path = f"/socket.io/?EIO=4&transport=polling&sid={sid}&token={token}"
    requests.post(closed.origin + path, data="40", timeout=15)
    assert closed.get(path).text.removeprefix("2\x1e").startswith("44{")


@pytest.mark.parametrize("by", ["session", "user", "token", "token's file"])
def test_connection_ends_on_every_replica_when_its_credential_is_revoked(
    replicas: Start, credentials: Credentials, by: str
) -> None:
    both = [started(replicas, credentials) for _ in range(2)]
    session, token = credentials.session(), credentials.token("script")
    cookie = credentials.cookie(session)
    how: dict[str, Any] = {"auth": {"token": token}} if by.startswith("token") else {"cookie": cookie}
    clients = [ask(replica, namespace, **how) for replica in both for namespace in NAMESPACES]
    bystanders = [ask(replica, "/", cookie=credentials.cookie(credentials.session("bob"))) for replica in both]
    assert all(map(is_admitted, [*clients, *bystanders]))

    match by:
        case "session":
            credentials.revoke_session(session)
        case "user":
            credentials.revoke(revocation_of_user("ada", time.time()))
        case "token":
            credentials.revoke_token(token)
        case _:
            (credentials.tokens / "script").unlink()

    for client in clients:
        assert_removed(client)
    for replica in both:
        assert not is_admitted(ask(replica, "/", **how))
    assert not any(bystander.payloads("error") or bystander.closed for bystander in bystanders)


@pytest.mark.parametrize("copies", [None], ids=["started"])  # a copy has read the clock before
def test_connection_ends_when_its_session_expires(replicas: Start, credentials: Credentials, tmp_path: Path) -> None:
    clock = SteppedClock(tmp_path / "clock")
    replica = started(replicas, credentials, **clock.env)
    client = ask(replica, "/monitoring", cookie=credentials.cookie(credentials.session(lives=3600)))
    assert is_admitted(client)

    clock.step(3600)

    assert_removed(client)


def test_connection_without_a_credential_is_closed_after_the_time_limit(
    replicas: Start, credentials: Credentials
) -> None:
    replica = started(replicas, credentials, prelude=IMPATIENT)
    silent, refused = replica.bare_client(), replica.bare_client()
    with suppress(OSError):  # on a busy machine the connection may be closed already
        refused.send("40")

    silent.wait_until_closed(within_seconds=30)
    refused.wait_until_closed(within_seconds=30)
    assert replica.metric('ws_closes_total{reason="unauthenticated"}') == 2


def test_revocation_applies_when_redis_was_away_in_between(
    closed: Replica, credentials: Credentials, redis: Redis
) -> None:
    session = credentials.session()
    client = ask(closed, "/", cookie=credentials.cookie(session))
    # No message reports this revocation; the replica reads it later with the others.
    redis.zadd(REVOCATIONS_KEY, {f"session:{session.id}": time.time() + 3600})
    redis.client_kill_filter(_type="pubsub")

    assert json.loads(client.event("error"))["code"] == "sign_in_required"


def test_emptied_store_revives_no_session(replicas: Start, credentials: Credentials, redis: Redis) -> None:
    replica = started(replicas, credentials, prelude=REREADS)
    session, other = credentials.session(), credentials.session("bob")
    client = ask(replica, "/", cookie=credentials.cookie(other))
    assert is_admitted(client)
    credentials.revoke_session(session)
    eventually(lambda: not is_admitted(ask(replica, "/", cookie=credentials.cookie(session))), what="the revocation")

    redis.delete(GENERATION_KEY, REVOCATIONS_KEY)

    assert json.loads(client.event("error"))["code"] == "sign_in_required"
    assert not is_admitted(ask(replica, "/", cookie=credentials.cookie(session)))
    credentials.new_generation()
    assert not is_admitted(ask(replica, "/", cookie=credentials.cookie(session)))
    assert is_admitted(ask(replica, "/", cookie=credentials.cookie()))


def test_invalid_revocation_does_not_block_other_revocations(
    replicas: Start, credentials: Credentials, redis: Redis
) -> None:
    # given
    redis.zadd(REVOCATIONS_KEY, {b"session:\xff": time.time() + 3600})
    redis.xadd(REVOCATION_LOG_KEY, {b"subject": b"session:\xff", "before": "", "until": "never"})
    session, other = credentials.session(), credentials.session("bob")
    keys, args = revoke_call(f"session:{session.id}", time.time() + 3600, time.time())
    # when
    call(redis, REVOKE, (keys, args))
    replica = started(replicas, credentials)
    # then
    eventually(lambda: not is_admitted(ask(replica, "/", cookie=credentials.cookie(session))), what="the revocation")
    assert is_admitted(ask(replica, "/", cookie=credentials.cookie(other)))


def test_previous_sessions_of_a_browser_end_when_it_signs_in_again(
    replicas: Start, credentials: Credentials, redis: Redis
) -> None:
    replica = started(replicas, credentials)
    now = time.time()
    previous = msgspec.structs.replace(credentials.session(), id="device.previous", issued=now - 10)
    new = msgspec.structs.replace(credentials.session(), id="device.new", issued=now)
    client = ask(replica, "/", cookie=credentials.cookie(previous))
    assert is_admitted(client)

    keys, args = revoke_call(revocation_of_device("device", now), now + 3600, now, f"session:{previous.id}")
    call(redis, REVOKE, (keys, args))

    assert json.loads(client.event("error"))["code"] == "sign_in_required"
    assert not is_admitted(ask(replica, "/", cookie=credentials.cookie(previous)))
    assert is_admitted(ask(replica, "/", cookie=credentials.cookie(new)))


#: Prelude: the replica reads all revocations at its start, and then only if a client needs it.
ONCE = """
import ws.access.revocation as feed
feed.REREAD_SECONDS = 3600
feed.REVOKED_CHANNEL = "deaf"
"""


def test_first_session_of_a_new_store_is_admitted_when_the_store_was_just_read(
    replicas: Start, credentials: Credentials
) -> None:
    replica = started(replicas, credentials, prelude=ONCE)
    for _ in range(3):  # the second and the third client connect within a second of the last reading
        credentials.new_generation()
        clients = [ask(replica, "/", cookie=credentials.cookie()) for _ in range(2)]
        assert all(map(is_admitted, clients))


def test_readyz_answers_only_the_status_without_a_credential(closed: Replica) -> None:
    def status(path: str, **headers: str) -> tuple[int, str]:
        answer = requests.get(closed.origin + path, headers=headers, timeout=15)
        return answer.status_code, answer.text

    assert status("/livez") == (200, "live\n")
    assert status("/readyz") == (200, "ready\n")
    for path in ("/", "/metrics", "/nowhere", "/metrics?token=dcl_x"):
        code, text = status(path)
        assert code == 401, path
        assert json.loads(text)["status"] == 401
    assert status("/metrics", Authorization="Bearer dcl_x")[0] == 401
    assert closed.get("/metrics").status_code == 200
    assert closed.get("/readyz").text == "ready\nredis: up\n"


def test_user_header_is_used_only_from_its_proxy(replicas: Start, credentials: Credentials) -> None:
    trusting = started(replicas, credentials, ACCESS_USER_HEADER="Remote-User", TRUSTED_PROXIES="127.0.0.1 10.9.8.0/24")
    distrusting = started(replicas, credentials, ACCESS_USER_HEADER="Remote-User", TRUSTED_PROXIES="10.9.8.0/24")

    def is_admitted_with(replica: Replica, *headers: str) -> bool:
        return is_admitted(ask(replica, "/", *headers))

    assert is_admitted_with(trusting, "Remote-User: ada")
    assert is_admitted_with(trusting, "Remote-User: ada", "X-Forwarded-For: 1.2.3.4")
    assert not is_admitted_with(trusting, "X-Forwarded-For: 1.2.3.4")
    assert not is_admitted_with(trusting, "Remote-User: a b")
    assert not is_admitted_with(distrusting, "Remote-User: ada")
    assert not is_admitted_with(distrusting, "Remote-User: ada", "X-Forwarded-For: 10.9.8.7")


def test_cookie_is_ignored_for_another_origin_when_all_origins_may_connect(
    replicas: Start, credentials: Credentials
) -> None:
    replica = started(replicas, credentials, WS_ALLOWED_ORIGINS="* http://wall.lan")

    def is_admitted_with(*headers: str) -> bool:
        return is_admitted(ask(replica, "/", f"Cookie: {credentials.cookie()}", *headers))

    assert is_admitted_with(f"Origin: {replica.origin}")
    for origin in ("http://wall.lan", "http://evil.example", "null"):
        assert not is_admitted_with(f"Origin: {origin}"), origin


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize(
    ("sent", "is_used"),
    [
        ({}, False),
        ({"Origin": "OURS"}, True),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site", "Referer": "OURS/"}, False),
        ({"Referer": "OURS/nodes"}, True),
        ({"Referer": "http://127.0.0.1:1/"}, False),
    ],
    ids=str,
)
def test_cookie_of_a_polling_client_is_used_when_our_page_made_the_handshake(
    closed: Replica, credentials: Credentials, namespace: str, sent: dict[str, str], is_used: bool
) -> None:
    ours = {"Cookie": credentials.cookie(), "Origin": closed.origin}
    path, prefix = "/socket.io/?EIO=4&transport=polling", "" if namespace == "/" else f"{namespace},"
    headers = {name: value.replace("OURS", closed.origin) for name, value in sent.items()}
    if "Origin" in sent and not is_used:
        # A page that may not connect gets no session.
        assert closed.get(path, headers={**ours, **headers}).status_code == 400
        return

    opened = closed.get(path, headers={"Cookie": ours["Cookie"], **headers})
    path += f"&sid={json.loads(opened.text[1:])['sid']}"
    # Later headers change nothing.
    requests.post(closed.origin + path, data=f"40{prefix}", headers=ours, timeout=15)

    # A ping may come first.
    packets = closed.get(path, headers=ours).text.removeprefix("2\x1e")
    assert packets.startswith(f"40{prefix}{{" if is_used else f"44{prefix}{{")


def test_cookie_is_ignored_for_a_page_over_plain_http_when_our_pages_use_https(
    replicas: Start, credentials: Credentials
) -> None:
    replica = started(replicas, credentials, TRUSTED_PROXIES="127.0.0.1")

    def is_admitted_with(origin: str, scheme: str) -> bool:
        headers = (f"Cookie: {credentials.cookie()}", f"Origin: {origin}", f"X-Forwarded-Proto: {scheme}")
        return is_admitted(ask(replica, "/", *headers))

    secure = replica.origin.replace("http", "https")
    assert is_admitted_with(secure, "https")
    assert is_admitted_with(replica.origin, "http")
    assert not is_admitted_with(replica.origin, "https")
    assert not is_admitted_with(replica.origin, "http, https")


def test_user_header_is_ignored_when_a_page_of_another_origin_connects(
    replicas: Start, credentials: Credentials
) -> None:
    replica = started(replicas, credentials, ACCESS_USER_HEADER="Remote-User", TRUSTED_PROXIES="127.0.0.1")

    def is_admitted_with(**sent: str) -> bool:
        headers = {"Remote-User": "ada", **{name.replace("_", "-"): value for name, value in sent.items()}}
        path = "/socket.io/?EIO=4&transport=polling"
        path += f"&sid={json.loads(replica.get(path, headers=headers).text[1:])['sid']}"
        requests.post(replica.origin + path, data="40", timeout=15)
        return replica.get(path).text.removeprefix("2\x1e").startswith("40{")

    # A program behind the proxy sends no such headers.
    assert is_admitted_with()
    assert is_admitted_with(Sec_Fetch_Site="same-origin")
    assert not is_admitted_with(Sec_Fetch_Site="same-site")
    assert not is_admitted_with(Referer="http://127.0.0.1:1/")


def test_open_access_needs_no_credential(replicas: Start, credentials: Credentials) -> None:
    replica = replicas(**{**credentials.env, "ACCESS": "open"})

    assert is_admitted(ask(replica, "/"))
    assert is_admitted(ask(replica, "/monitoring", auth={"token": "nonsense"}))
    assert replica.get("/metrics").status_code == 200


def test_replica_does_not_start_when_closed_access_has_no_key(credentials: Credentials) -> None:
    from runtime.settings import SettingError
    from ws.config import Config

    with pytest.raises(SettingError, match="ACCESS_KEY_FILE"):
        Config.from_environment({**credentials.env, "ACCESS_KEY_FILE": ""})
    credentials.key_file.write_text("short")
    with pytest.raises(SettingError, match="ACCESS_KEY_FILE"):
        Config.from_environment(credentials.env)


def test_replica_does_not_start_when_it_is_reachable_and_access_is_not_set() -> None:
    from runtime.settings import SettingError
    from ws.config import Config

    for host in ("0.0.0.0", "::", "192.168.1.4", "cluster.lan"):
        with pytest.raises(SettingError) as error:
            Config.from_environment({"PUBLIC_HOST": host})
        assert [line.split()[0] for line in str(error.value).splitlines()[1:]] == ["ACCESS=closed", "ACCESS=open"]
    for host in ("127.0.0.1", "::1", "localhost", "127.0.0.5"):
        assert not Config.from_environment({"PUBLIC_HOST": host}).access.is_closed
