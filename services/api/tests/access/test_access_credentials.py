"""Cookies and tokens that are none: forged, expired, cut, of another store, replayed; and whom proxies vouch for."""

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


def status(app: Flask, house: Any, cookie: str, path: str = "/api/health") -> int:
    """Of an answer to who shows a session's cookie of that value."""
    headers = {"Cookie": f"{house.seal.cookie}={cookie}"}
    return app.test_client(use_cookies=False).get(path, headers=headers).status_code


@pytest.fixture
def good(closed: Flask, house: Any, ada: Any, generation: Generation) -> str:
    """A cookie that is valid."""
    cookie: str = house.seal.seal(house.session(generation()))
    assert status(closed, house, cookie) == 200
    return cookie


def test_cookie_is_none_when_a_letter_of_it_was_changed(closed: Flask, house: Any, good: str) -> None:
    letters = range(0, len(good), 7)
    # The last letter of base64 may hold bits that nobody reads.
    for position in (place for place in letters if good[place + 1 : place + 2] not in ("", ".")):
        other = "A" if good[position] != "A" else "B"
        assert status(closed, house, good[:position] + other + good[position + 1 :]) == 401, position


def test_cookie_is_none_when_a_part_of_it_is_missing(closed: Flask, house: Any, good: str) -> None:
    payload, _, signature = good.rpartition(".")
    for cut in (
        "", ".", payload, f"{payload}.", f".{signature}", good[:-1], good[:-4], good[4:], good[: len(good) // 2],
        f"{payload}.{signature}.{signature}", f"{payload}{payload}.{signature}", "x" * 5000, good + "x" * COOKIE_LIMIT,
        "é", "\\udc80", '"', good.replace(".", ","),
    ):  # fmt: skip
        assert status(closed, house, cut) == 401, cut


def test_cookie_is_none_when_it_was_made_with_another_key_or_for_another_use(
    closed: Flask, house: Any, good: str, generation: Generation
) -> None:
    session = house.session(generation())
    assert status(closed, house, SessionSeal(b"another key of thirty-two bytes!").seal(session)) == 401
    assert status(closed, house, SessionSeal(b"").seal(session)) == 401
    # By hand, with what is public: no signature, an empty key, the name of the cookie as key.
    payload = base64url(msgspec.json.encode(session))
    for key in (b"", house.seal.cookie.encode(), b"secret"):
        assert status(closed, house, f"{payload}.{signature(key, payload)}") == 401


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS256", "HS1", ""])
def test_cookie_is_none_when_it_names_its_own_algorithm(
    closed: Flask, house: Any, good: str, generation: Generation, algorithm: str
) -> None:
    claims = {"alg": algorithm, "sub": "ada", "user": "ada", "exp": 9e9, "generation": generation()}
    head = jwt_header(algorithm)
    for body in (base64url(json.dumps(claims).encode()), good.rpartition(".")[0]):
        for key in (b"", house.seal.cookie.encode()):
            signed = signature(key, f"{head}.{body}")
            for token in (f"{head}.{body}.", f"{head}.{body}.{signed}", f"{body}.{signed}"):
                assert status(closed, house, token) == 401
                bearer = {"Authorization": f"Bearer {token}"}
                assert closed.test_client().get("/api/health", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": 1.0}, {"idle_from": 1.0}, {"generation": "another"}, {"generation": ""}, {"stamp": "0" * 16},
        {"stamp": ""}, {"user": "nobody"}, {"user": "../users/ada"}, {"user": ".ada"},
    ],
    ids=str,
)  # fmt: skip
def test_session_of_our_own_is_refused_when_it_is_not_valid_any_more(
    closed: Flask, house: Any, good: str, generation: Generation, changes: dict[str, Any]
) -> None:
    session = msgspec.structs.replace(house.session(generation()), **changes)
    assert status(closed, house, house.seal.seal(session)) == 401


def test_session_is_refused_when_it_says_less_or_more_than_it_should(
    closed: Flask, house: Any, good: str, generation: Generation
) -> None:
    whole = msgspec.json.decode(msgspec.json.encode(house.session(generation())))
    signer = house.seal._signer
    for content in (whole[:-1], [*whole, 1], {}, [], None, "ada", [1] * 7, {"user": "ada"}):
        payload = base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=")
        assert status(closed, house, signer.sign(payload).decode()) == 401
    assert status(closed, house, signer.sign(b"\xff\xfe not base64 \x00").decode("latin-1")) == 401


def test_cookie_is_refused_everywhere_when_it_is_replayed_after_signing_out(
    closed: Flask, house: Any, ada: Any
) -> None:
    # given
    cookie = ada.cookie(house)
    other = house.start()
    assert [status(app, house, cookie) for app in (closed, other)] == [200, 200]
    # when
    assert ada.sign_out().status_code == 303
    # then
    assert [status(app, house, cookie) for app in (closed, other, house.start())] == [401, 401, 401]
    assert ada.client.get_cookie(house.seal.cookie) is None


def test_all_sessions_are_refused_when_redis_was_emptied(closed: Flask, house: Any, ada: Any, redis: Any) -> None:
    # given: one that was revoked, and one that was not
    revoked, cookie = ada.cookie(house), ""
    ada.sign_out()
    ada.sign_in()
    cookie = ada.cookie(house)
    # when
    redis.flushall()
    # then
    for app in (closed, house.start()):
        assert [status(app, house, each) for each in (revoked, cookie)] == [401, 401]
    assert ada.sign_in().status_code == 303
    assert ada.get("/api/health").status_code == 200
    assert [status(closed, house, each) for each in (revoked, cookie)] == [401, 401]


def test_every_session_of_a_user_is_refused_when_all_were_revoked(
    closed: Flask, house: Any, ada: Any, redis: Any, person: Any
) -> None:
    phone = person(closed)
    phone.sign_in()
    revoked = time.time() + 0.001
    redis.zadd(REVOCATIONS_KEY, {revocation_of_user("ada", revoked): revoked + 60})
    assert [who.get("/api/session").status_code for who in (ada, phone)] == [401, 401]
    while time.time() < revoked:
        time.sleep(0.001)
    assert phone.sign_in().status_code == 303
    assert phone.get("/api/session").status_code == 200


@pytest.mark.parametrize("change", ["removed", "another password"])
def test_session_ends_with_its_sockets_when_its_user_is_not_the_same_any_more(
    closed: Flask, house: Any, ada: Any, redis: Any, listen: Any, generation: Generation, change: str
) -> None:
    # given
    earlier = time.time() - 1000
    session = house.session(generation(), id="old", issued=earlier)
    cookie = house.seal.seal(session)
    assert status(closed, house, cookie) == 200
    hear = listen()
    # when
    if change == "removed":
        (house.users / "ada").unlink()
    else:
        house.add_user(password="something else")
    # then
    assert status(closed, house, cookie) == 401
    assert hear() == "session:old"
    assert redis.zscore(REVOCATIONS_KEY, "session:old") == pytest.approx(session.expires, abs=0.01)
    # A session that has only just begun may be of a replica whose folder is newer.
    assert status(closed, house, ada.cookie(house)) == 401
    assert redis.zcard(REVOCATIONS_KEY) == 1


def test_token_is_refused_when_it_is_expired_removed_or_revoked(closed: Flask, house: Any, redis: Any) -> None:
    client = closed.test_client()
    assert client.get("/api/health", headers=house.add_token(READ, expires=time.time() - 1)).status_code == 401
    token = house.add_token(READ, name="removed")
    assert client.get("/api/health", headers=token).status_code == 200
    (house.tokens / "removed").unlink()
    assert client.get("/api/health", headers=token).status_code == 401
    token = house.add_token(READ, name="revoked")
    assert client.get("/api/health", headers=token).status_code == 200
    secret = token["Authorization"].removeprefix("Bearer ")
    redis.zadd(REVOCATIONS_KEY, {f"token:{token_id(hashlib.sha256(secret.encode()).hexdigest())}": time.time() + 60})
    assert client.get("/api/health", headers=token).status_code == 401


def test_token_is_none_when_it_is_nearly_one(closed: Flask, house: Any) -> None:
    good = house.add_token(READ)["Authorization"].removeprefix("Bearer ")
    digest = hashlib.sha256(good.encode()).hexdigest()
    client = closed.test_client()
    assert client.get("/api/health", headers={"Authorization": f"bearer   {good}  "}).status_code == 200
    for near in (good[:-1], good + "x", good.upper(), good.removeprefix("dcl_"), digest, f"dcl_{digest}", "",
                 "script", good + "," + good, f"{good} {good}", "\x00", "é" * 40, good * 100):  # fmt: skip
        headers = {"Authorization": f"Bearer {near}"}
        assert client.get("/api/health", headers=headers).status_code == 401, near


def test_user_of_a_trusted_proxy_is_let_in_to_read(house: Any) -> None:
    app = house.start(words="peer 10.0.0.5", user_header="Remote-User")
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
def test_word_of_somebody_who_is_no_trusted_proxy_counts_for_nothing(
    house: Any, words: str, header: str, forwarded_for: str
) -> None:
    app = house.start(words=words, user_header="Remote-User")
    headers = {header: "ada", "X-Forwarded-For": forwarded_for}
    assert app.test_client().get("/api/health", headers=headers).status_code == 401


@pytest.mark.parametrize("name", ["a b", "a,b", "<b>", "x" * 129, "a\tb", "é", "../x", "a;b"])
def test_name_of_a_trusted_proxy_is_refused_when_it_is_none(house: Any, name: str) -> None:
    app = house.start(words="peer 10.0.0.5", user_header="Remote-User")
    headers = {"Remote-User": name, "X-Forwarded-For": "10.0.0.5"}
    assert app.test_client().get("/api/health", headers=headers).status_code == 401


def test_nothing_is_let_in_before_what_was_revoked_is_known(house: Any, closed: Flask, ada: Any, valkey: Any) -> None:
    # given
    token, cookie = house.add_token(READ, PUBLISH), ada.cookie(house)
    fresh = house.start()
    valkey.stop()
    # when, then: what was read before goes on
    assert ada.get("/live").status_code == 200
    assert closed.test_client().get("/metrics", headers=token).status_code == 200
    # A process that knows nothing lets nobody in
    assert status(fresh, house, cookie) == 503
    assert fresh.test_client().get("/api/health", headers=token).status_code == 503
    assert fresh.test_client().get("/api/health").status_code == 401
    assert fresh.test_client().get("/livez").status_code == 200


def test_scheme_of_a_proxy_is_believed_of_those_that_are_known(house: Any) -> None:
    def is_secure(words: str, scheme: str, **changes: Any) -> bool:
        app = house.start(words=words, **changes)
        answer = app.test_client().get("/login", headers={"X-Forwarded-Proto": scheme})
        return "Secure" in answer.headers["Set-Cookie"]

    assert is_secure("peer", "https")
    assert is_secure("peer", "http, HTTPS")
    assert not is_secure("peer", "https, http")
    assert not is_secure("peer", "http")
    assert not is_secure("", "https")
    assert not is_secure("10.0.0.1", "https")
