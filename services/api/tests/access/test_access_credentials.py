"""Invalid cookies and tokens: forged, expired, cut, replayed, of another store. And users of trusted proxies."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from flask import Flask

from access.grant import PUBLISH, READ
from access.revocations import revocation_of_user
from access.session import COOKIE_LIMIT, SessionSeal
from access.tokens import token_id
from contract.names import REVOCATIONS_KEY
from tests.drivers.forged import base64url, jwt_header, signature

Generation = Callable[[], str]


def status(app: Flask, deployment: Any, cookie: str, path: str = "/api/health") -> int:
    """Return the status of a request with this value of the session cookie."""
    headers = {"Cookie": f"{deployment.seal.cookie}={cookie}"}
    return app.test_client(use_cookies=False).get(path, headers=headers).status_code


@pytest.fixture
def valid(closed_app: Flask, deployment: Any, ada: Any, generation: Generation) -> str:
    """A valid session cookie."""
    cookie: str = deployment.seal.seal(deployment.session(generation()))
    assert status(closed_app, deployment, cookie) == 200
    return cookie


def test_cookie_is_invalid_when_a_character_was_changed(closed_app: Flask, deployment: Any, valid: str) -> None:
    letters = range(0, len(valid), 7)
    # The last character of base64 may contain bits that decoders ignore.
    for position in (place for place in letters if valid[place + 1 : place + 2] not in ("", ".")):
        other = "A" if valid[position] != "A" else "B"
        assert status(closed_app, deployment, valid[:position] + other + valid[position + 1 :]) == 401, position


def test_cookie_is_invalid_when_a_part_is_missing(closed_app: Flask, deployment: Any, valid: str) -> None:
    payload, _, signature = valid.rpartition(".")
    for cut in (
        "", ".", payload, f"{payload}.", f".{signature}", valid[:-1], valid[:-4], valid[4:], valid[: len(valid) // 2],
        f"{payload}.{signature}.{signature}", f"{payload}{payload}.{signature}", "x" * 5000, valid + "x" * COOKIE_LIMIT,
        "é", "\\udc80", '"', valid.replace(".", ","),
    ):  # fmt: skip
        assert status(closed_app, deployment, cut) == 401, cut


def test_cookie_is_invalid_when_signed_with_another_key_or_for_another_use(
    closed_app: Flask, deployment: Any, valid: str, generation: Generation
) -> None:
    session = deployment.session(generation())
    assert status(closed_app, deployment, SessionSeal(b"another key of thirty-two bytes!").seal(session)) == 401
    assert status(closed_app, deployment, SessionSeal(b"").seal(session)) == 401
    # Forged with public data: without a signature, with an empty key, with the cookie's name as key.
    payload = base64url(msgspec.json.encode(session))
    for key in (b"", deployment.seal.cookie.encode(), b"secret"):
        assert status(closed_app, deployment, f"{payload}.{signature(key, payload)}") == 401


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS256", "HS1", ""])
def test_cookie_is_invalid_when_it_names_its_own_algorithm(
    closed_app: Flask, deployment: Any, valid: str, generation: Generation, algorithm: str
) -> None:
    claims = {"alg": algorithm, "sub": "ada", "user": "ada", "exp": 9e9, "generation": generation()}
    head = jwt_header(algorithm)
    for body in (base64url(json.dumps(claims).encode()), valid.rpartition(".")[0]):
        for key in (b"", deployment.seal.cookie.encode()):
            signed = signature(key, f"{head}.{body}")
            for token in (f"{head}.{body}.", f"{head}.{body}.{signed}", f"{body}.{signed}"):
                assert status(closed_app, deployment, token) == 401
                bearer = {"Authorization": f"Bearer {token}"}
                assert closed_app.test_client().get("/api/health", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": 1.0}, {"idle_from": 1.0}, {"generation": "another"}, {"generation": ""}, {"stamp": "0" * 16},
        {"stamp": ""}, {"user": "nobody"}, {"user": "../users/ada"}, {"user": ".ada"},
    ],
    ids=str,
)  # fmt: skip
def test_signed_session_is_refused_when_it_is_no_longer_valid(
    closed_app: Flask, deployment: Any, valid: str, generation: Generation, changes: dict[str, Any]
) -> None:
    session = msgspec.structs.replace(deployment.session(generation()), **changes)
    assert status(closed_app, deployment, deployment.seal.seal(session)) == 401


def test_session_is_refused_when_its_fields_are_wrong(
    closed_app: Flask, deployment: Any, valid: str, generation: Generation
) -> None:
    whole = msgspec.json.decode(msgspec.json.encode(deployment.session(generation())))
    signer = deployment.seal._signer
    for content in (whole[:-1], [*whole, 1], {}, [], None, "ada", [1] * 7, {"user": "ada"}):
        payload = base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=")
        assert status(closed_app, deployment, signer.sign(payload).decode()) == 401
    assert status(closed_app, deployment, signer.sign(b"\xff\xfe not base64 \x00").decode("latin-1")) == 401


def test_cookie_is_refused_everywhere_when_it_is_replayed_after_signing_out(
    closed_app: Flask, deployment: Any, ada: Any
) -> None:
    # given
    cookie = ada.cookie(deployment)
    other = deployment.start()
    assert [status(app, deployment, cookie) for app in (closed_app, other)] == [200, 200]
    # when
    assert ada.sign_out().status_code == 303
    # then
    assert [status(app, deployment, cookie) for app in (closed_app, other, deployment.start())] == [401, 401, 401]
    assert ada.client.get_cookie(deployment.seal.cookie) is None


def test_all_sessions_are_refused_when_redis_was_emptied(
    closed_app: Flask, deployment: Any, ada: Any, redis: Any
) -> None:
    # given: a revoked session and a valid one
    revoked, cookie = ada.cookie(deployment), ""
    ada.sign_out()
    ada.sign_in()
    cookie = ada.cookie(deployment)
    # when
    redis.flushall()
    # then
    for app in (closed_app, deployment.start()):
        assert [status(app, deployment, each) for each in (revoked, cookie)] == [401, 401]
    assert ada.sign_in().status_code == 303
    assert ada.get("/api/health").status_code == 200
    assert [status(closed_app, deployment, each) for each in (revoked, cookie)] == [401, 401]


def test_every_session_of_a_user_is_refused_when_all_were_revoked(
    closed_app: Flask, deployment: Any, ada: Any, redis: Any, browser: Any
) -> None:
    phone = browser(closed_app)
    phone.sign_in()
    revoked = time.time() + 0.001
    redis.zadd(REVOCATIONS_KEY, {revocation_of_user("ada", revoked): revoked + 60})
    assert [who.get("/api/session").status_code for who in (ada, phone)] == [401, 401]
    while time.time() < revoked:
        time.sleep(0.001)
    assert phone.sign_in().status_code == 303
    assert phone.get("/api/session").status_code == 200


@pytest.mark.parametrize("change", ["removed", "another password"])
def test_session_and_its_sockets_end_when_its_user_has_changed(
    closed_app: Flask, deployment: Any, ada: Any, redis: Any, listen: Any, generation: Generation, change: str
) -> None:
    # given
    earlier = time.time() - 1000
    session = deployment.session(generation(), id="old", issued=earlier)
    cookie = deployment.seal.seal(session)
    assert status(closed_app, deployment, cookie) == 200
    received = listen()
    # when
    if change == "removed":
        (deployment.users / "ada").unlink()
    else:
        deployment.add_user(password="something else")
    # then
    assert status(closed_app, deployment, cookie) == 401
    assert received() == "session:old"
    assert redis.zscore(REVOCATIONS_KEY, "session:old") == pytest.approx(session.expires, abs=0.01)
    # A very new session may come from a replica with a newer folder.
    assert status(closed_app, deployment, ada.cookie(deployment)) == 401
    assert redis.zcard(REVOCATIONS_KEY) == 1


def test_token_is_refused_when_it_is_expired_removed_or_revoked(closed_app: Flask, deployment: Any, redis: Any) -> None:
    client = closed_app.test_client()
    assert client.get("/api/health", headers=deployment.add_token(READ, expires=time.time() - 1)).status_code == 401
    token = deployment.add_token(READ, name="removed")
    assert client.get("/api/health", headers=token).status_code == 200
    (deployment.tokens / "removed").unlink()
    assert client.get("/api/health", headers=token).status_code == 401
    token = deployment.add_token(READ, name="revoked")
    assert client.get("/api/health", headers=token).status_code == 200
    secret = token["Authorization"].removeprefix("Bearer ")
    redis.zadd(REVOCATIONS_KEY, {f"token:{token_id(hashlib.sha256(secret.encode()).hexdigest())}": time.time() + 60})
    assert client.get("/api/health", headers=token).status_code == 401


def test_token_is_invalid_when_it_is_nearly_valid(closed_app: Flask, deployment: Any) -> None:
    valid = deployment.add_token(READ)["Authorization"].removeprefix("Bearer ")
    digest = hashlib.sha256(valid.encode()).hexdigest()
    client = closed_app.test_client()
    assert client.get("/api/health", headers={"Authorization": f"bearer   {valid}  "}).status_code == 200
    for near in (valid[:-1], valid + "x", valid.upper(), valid.removeprefix("dcl_"), digest, f"dcl_{digest}", "",
                 "script", valid + "," + valid, f"{valid} {valid}", "\x00", "é" * 40, valid * 100):  # fmt: skip
        headers = {"Authorization": f"Bearer {near}"}
        assert client.get("/api/health", headers=headers).status_code == 401, near


def test_user_of_a_trusted_proxy_may_read(deployment: Any) -> None:
    app = deployment.start(words="peer 10.0.0.5", user_header="Remote-User")
    client = app.test_client()
    headers = {"Remote-User": "bob@example.org", "X-Forwarded-For": "192.0.2.1, 10.0.0.5"}
    answer = client.get("/api/session", headers=headers)
    assert answer.get_json() | {"expires": None} == {
        "user": "bob@example.org", "by": "proxy", "scopes": ["read"], "expires": None, "access": "closed",
    }  # fmt: skip
    assert client.post("/api/publish/cluster:alerts", headers=headers, json={}).status_code == 403
    page = client.get("/live", headers=headers | {"Accept": "text/html"})
    assert page.status_code == 200
    assert "Set-Cookie" not in page.headers
    assert client.get("/login?next=/alerts", headers=headers).headers["Location"] == "/alerts"


@pytest.mark.parametrize(
    ("words", "header", "forwarded_for"),
    [
        ("peer 10.0.0.5", "Remote-User", "10.0.0.5, 192.0.2.1"), ("peer 10.0.0.5", "Remote-User", "192.0.2.1"),
        ("peer 10.0.0.5", "Remote-User", ""), ("peer 10.0.0.5", "X-Remote-User", "192.0.2.1, 10.0.0.5"),
        ("10.0.0.5", "Remote-User", "192.0.2.1, 10.0.0.5"), ("peer", "Remote-User", "127.0.0.1"),
    ],
)  # fmt: skip
def test_user_header_of_an_untrusted_peer_is_ignored(
    deployment: Any, words: str, header: str, forwarded_for: str
) -> None:
    app = deployment.start(words=words, user_header="Remote-User")
    headers = {header: "ada", "X-Forwarded-For": forwarded_for}
    assert app.test_client().get("/api/health", headers=headers).status_code == 401


@pytest.mark.parametrize("name", ["a b", "a,b", "<b>", "x" * 129, "a\tb", "é", "../x", "a;b"])
def test_invalid_user_name_of_a_trusted_proxy_is_refused(deployment: Any, name: str) -> None:
    app = deployment.start(words="peer 10.0.0.5", user_header="Remote-User")
    headers = {"Remote-User": name, "X-Forwarded-For": "10.0.0.5"}
    assert app.test_client().get("/api/health", headers=headers).status_code == 401


def test_every_credential_is_refused_until_the_revocations_are_known(
    deployment: Any, closed_app: Flask, ada: Any, valkey: Any
) -> None:
    # given
    token, cookie = deployment.add_token(READ, PUBLISH), ada.cookie(deployment)
    fresh = deployment.start()
    valkey.stop()
    # when, then: the remembered revocations are used
    assert ada.get("/live").status_code == 200
    assert closed_app.test_client().get("/metrics", headers=token).status_code == 200
    # A process without revocations refuses every credential
    assert status(fresh, deployment, cookie) == 503
    assert fresh.test_client().get("/api/health", headers=token).status_code == 503
    assert fresh.test_client().get("/api/health").status_code == 401
    assert fresh.test_client().get("/livez").status_code == 200


def test_forwarded_scheme_is_trusted_only_from_known_proxies(deployment: Any) -> None:
    def is_secure(words: str, scheme: str, **changes: Any) -> bool:
        app = deployment.start(words=words, **changes)
        answer = app.test_client().get("/login", headers={"X-Forwarded-Proto": scheme})
        return "Secure" in answer.headers["Set-Cookie"]

    assert is_secure("peer", "https")
    assert is_secure("peer", "http, HTTPS")
    assert not is_secure("peer", "https, http")
    assert not is_secure("peer", "http")
    assert not is_secure("", "https")
    assert not is_secure("10.0.0.1", "https")
