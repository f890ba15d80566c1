"""Signing in and out with a browser."""

import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from access.revocations import Revocations, revocation_of_user
from access.scripts import ADDRESS_BACKOFF, DEVICE_BACKOFF, PAIR_BACKOFF
from access.session import SessionSeal
from access.web_origin import WebOrigin
from api.access.cookies import KNOWN_SECONDS, _name, _signature
from api.access.sign_in_pages import safe_next
from api.access.users import CONCURRENT_CHECKS, PasswordVerifier, TooManyPasswordChecks, UnusablePassword, hash_password
from api.tests.conftest import set_cookies
from contract.names import REVOCATION_LOG_KEY, delay_key
from tests.drivers.attacks import attack_rounds

WRONG = "There is no such user, or the password is wrong."


def without_secrets(response: TestResponse, user: str) -> str:
    """Return a page without the tokens that differ for each request."""
    text = response.get_data(as_text=True)
    return re.sub(r'name="csrf" value="[^"]*"', "", text).replace(f'value="{user}"', "")


def test_person_signs_in_reads_everything_and_signs_out(
    closed_app: Flask, deployment: Any, browser: Any, listen: Any
) -> None:
    # given
    ada = browser(closed_app)
    assert ada.get("/live").headers["Location"] == "/login?next=%2Flive"
    # when
    response = ada.sign_in(path="/login?next=%2Flive")
    # then
    assert (response.status_code, response.headers["Location"]) == (303, "/live")
    page = ada.get("/live")
    assert page.status_code == 200
    assert "ada" in page.get_data(as_text=True)
    report = ada.get("/api/session").get_json()
    assert (report["user"], report["by"], report["scopes"], report["access"]) == ("ada", "session", ["read"], "closed")
    # when
    received = listen()
    session = deployment.seal.open(ada.cookie(deployment))
    response = ada.sign_out()
    # then
    assert (response.status_code, response.headers["Location"]) == (303, "/login")
    assert set_cookies(response)[deployment.seal.cookie]["max-age"] == "0"
    member, member_for_old_release = received(), received()
    assert member.startswith(f"device:{session.device}@")
    assert member_for_old_release == f"session:{session.id}"
    assert ada.get("/live").status_code == 303


@pytest.mark.parametrize(
    ("proto", "public", "secure"),
    [("http", None, False), ("https", None, True), ("http", WebOrigin("https", "cluster.example", 443), True)],
)
def test_session_cookie_is_hidden_from_scripts_and_other_sites(
    deployment: Any, browser: Any, proto: str, public: WebOrigin | None, secure: bool
) -> None:
    deployment.add_user()
    ada = browser(deployment.start(public_url=public, session_seconds=1000.0, idle_seconds=500.0))
    ada.headers |= {"X-Forwarded-Proto": proto}
    url = "https://localhost" if secure else None
    page = ada.client.get("/login", headers=ada.headers, base_url=url)
    token = re.search(r'name="csrf" value="([^"]+)"', page.get_data(as_text=True))
    assert token is not None
    fields = {"user": "ada", "password": "correct horse", "csrf": token[1]}
    response = ada.client.post("/login", data=fields, headers=ada.headers, base_url=url)
    for answer, name, path in (
        (page, deployment.seal.cookie + "-form", "/login"),
        (response, deployment.seal.cookie, "/"),
    ):
        cookie = set_cookies(answer)[name]
        assert cookie["httponly"] is True
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", path, "")
        assert bool(cookie["secure"]) is secure
    assert int(set_cookies(response)[deployment.seal.cookie]["max-age"]) in (499, 500)
    assert "no-store" in response.headers["Cache-Control"]


def test_sign_in_always_starts_a_new_session(
    closed_app: Flask, deployment: Any, browser: Any, generation: Callable[[], str]
) -> None:
    # given: an attacker plants his own session, and an invalid one
    mallory, victim = browser(closed_app), browser(closed_app)
    deployment.add_user("mallory")
    mallory.sign_in("mallory")
    for planted in (
        mallory.cookie(deployment),
        "planted",
        deployment.seal.seal(deployment.session(generation(), id="chosen")),
    ):
        victim.client.set_cookie(deployment.seal.cookie, planted)
        # when
        assert victim.sign_in().status_code == 303
        # then
        session = deployment.seal.open(victim.cookie(deployment))
        assert session.user == "ada"
        assert session.id not in ("chosen", deployment.seal.open(mallory.cookie(deployment)).id)
        assert victim.cookie(deployment) != planted
    # A replaced session is no longer valid.
    assert mallory.get("/api/health").status_code == 401


def test_previous_session_ends_at_the_next_sign_in(closed_app: Flask, deployment: Any, ada: Any) -> None:
    previous = ada.cookie(deployment)
    ada.sign_in()
    answer = closed_app.test_client(use_cookies=False).get(
        "/api/health", headers={"Cookie": f"{deployment.seal.cookie}={previous}"}
    )
    assert answer.status_code == 401
    assert ada.get("/api/session").status_code == 200


@pytest.mark.parametrize(
    "user", ["nobody", "", "ADA", "../users/ada", "ada\x00", "ada\r\nSet-Cookie: x=1", "é" * 500, "."]
)
def test_response_is_the_same_for_an_unknown_user(
    closed_app: Flask, browser: Any, caplog: pytest.LogCaptureFixture, user: str
) -> None:
    wrong = browser(closed_app, "192.0.2.1").sign_in("ada", "not this one")
    unknown = browser(closed_app, "192.0.2.2").sign_in(user)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert WRONG in wrong.get_data(as_text=True)
    if user.isalnum() and user.isascii():
        assert without_secrets(unknown, user) == without_secrets(wrong, "ada")
    assert {name for name, _ in unknown.headers} == {name for name, _ in wrong.headers}
    assert "x=1" not in str(unknown.headers)
    assert all("\n" not in record.getMessage() for record in caplog.records)
    assert all(len(record.getMessage()) < 900 for record in caplog.records)


class FakeHasher:
    """Replaces argon2: accepts every password, and records the checked hashes and their threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looked_at: list[str] = []
        self.threads: set[int] = set()
        monkeypatch.setattr("api.access.users._hasher", lambda: self)

    def verify(self, stored: str, password: bytes) -> bool:
        self.looked_at.append(stored)
        self.threads.add(threading.get_ident())
        return True


def test_password_check_takes_as_long_for_an_unknown_user(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = hash_password("correct horse")
    hasher = FakeHasher(monkeypatch)
    passwords = PasswordVerifier(waiting=1)
    assert passwords.matches(stored, "x")
    assert not passwords.matches(None, "x")
    costs = [looked_at.rpartition("$")[0].rpartition("$")[0] for looked_at in hasher.looked_at]
    assert costs == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


def test_dummy_hash_is_compared_like_a_real_one() -> None:
    assert not PasswordVerifier(waiting=1).matches(None, "anything at all")


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_password_is_refused_when_it_is_too_short_or_too_long(password: str) -> None:
    with pytest.raises(UnusablePassword, match="8 to 1024"):
        hash_password(password)


def test_password_is_normalized_and_compared_completely() -> None:
    passwords = PasswordVerifier(waiting=1)
    stored = hash_password(" caf\u00e9 au lait ")
    assert passwords.matches(stored, " cafe\u0301 au lait ")
    for other in ("caf\u00e9 au lait", " CAF\u00c9 au lait ", " caf\u00e9 au lait", " cafe au lait "):
        assert not passwords.matches(stored, other)
    longest = "x" * 1024
    assert passwords.matches(hash_password(longest), longest)
    assert not passwords.matches(hash_password(longest), longest + "x")


def test_password_checks_are_limited() -> None:
    passwords = PasswordVerifier(waiting=1, wait_seconds=0.01)
    with passwords._slot(), passwords._slot(), pytest.raises(TooManyPasswordChecks):
        passwords.matches(None, "x" * 8)
    assert CONCURRENT_CHECKS == 2
    assert not passwords.matches(None, "x" * 8)


def test_passwords_are_compared_in_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher, passwords = FakeHasher(monkeypatch), PasswordVerifier(waiting=16)
    with ThreadPoolExecutor(16) as asking:
        asked = threading.Barrier(16)

        def ask(_number: int) -> bool:
            asked.wait(20)
            return passwords.matches("a hash", "x" * 8)

        assert list(asking.map(ask, range(16))) == [True] * 16

    assert len(hasher.threads) <= CONCURRENT_CHECKS


def test_page_explains_when_too_many_people_sign_in(
    closed_app: Flask, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> bool:
        raise TooManyPasswordChecks

    monkeypatch.setattr(PasswordVerifier, "matches", busy)
    response = browser(closed_app).sign_in()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "Too many people" in response.get_data(as_text=True)


def test_user_and_password_are_valid_immediately(
    deployment: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given two processes that have just read the users
    monkeypatch.setattr("access.credential_folder.CHECK_SECONDS", 3600.0)
    deployment.add_user("ada", "the first password")
    apps = [deployment.start(), deployment.start()]
    ada, eve = browser(apps[0], "192.0.2.1"), browser(apps[0], "192.0.2.2")
    other = browser(apps[1], "192.0.2.3")
    assert all(each.sign_in("nobody", "no password").status_code == 401 for each in (ada, eve, other))
    # when
    deployment.add_user("eve", "a password of hers")
    deployment.add_user("ada", "the second password")
    # then
    assert ada.sign_in("ada", "the first password").status_code == 401
    assert ada.sign_in("ada", "the second password").status_code == 303
    assert eve.sign_in("eve", "a password of hers").status_code == 303
    for here in (ada, eve):
        there = browser(apps[1])
        there.client.set_cookie(deployment.seal.cookie, here.cookie(deployment))
        assert there.get("/live").status_code == 200


def test_password_that_changes_during_its_check_is_not_accepted(
    closed_app: Flask, deployment: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    compare, changed_at = PasswordVerifier.matches, []

    def slowly(passwords: PasswordVerifier, stored: str | None, password: str) -> bool:
        deployment.add_user("ada", "quite another password")
        changed_at.append(time.time())
        return compare(passwords, stored, password)

    monkeypatch.setattr(PasswordVerifier, "matches", slowly)
    # when
    ada = browser(closed_app)
    response = ada.sign_in()
    # then the password was correct at the time of the request
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert ada.get("/live").status_code == 303
    # and ws replicas, which do not read the users, have received the revocation by then
    revocations, session = Revocations(), deployment.seal.open(ada.cookie(deployment))
    revocations.add(revocation_of_user("ada", changed_at[0]))
    revocations.finish_loading(session.generation)
    assert revocations.includes(session.grant())


def test_user_with_an_invalid_hash_cannot_sign_in(closed_app: Flask, deployment: Any, browser: Any) -> None:
    for content in (
        b'{"hash":"","created":1}',
        b'{"hash":"plain","created":1}',
        b"{}",
        b"",
        b'{"hash":"$argon2id$v=19$m=8,t=1,p=1$AAAA"}',
    ):
        (deployment.users / "ada").write_bytes(content)
        redis_free = browser(closed_app, f"192.0.2.{len(content)}")
        assert redis_free.sign_in("ada", "plain").status_code in (401, 429)
        assert redis_free.sign_in("ada", "").status_code in (401, 429)


#: Redirection after the sign-in, by the form's ``next``.
NEXT = {
    "/live": "/live", "/nodes/a%20b?x=1&y=%2F": "/nodes/a%20b?x=1&y=%2F", "/nodes/é": "/nodes/%C3%A9",
} | dict.fromkeys(
    (
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", "https://evil.example", "HTTPS:evil.example", "javascript:alert(1)", "data:text/html,x",
        "evil.example", "", " /live", "/live\r\nSet-Cookie: x=1", "/live\x00", "/live\x85", "/\u2028/evil.example",
        "/" + "x" * 3000, "/login", "/login?next=/login", "/logout",
    ),
    "/",
)  # fmt: skip


@pytest.mark.parametrize(("asked", "location"), NEXT.items(), ids=[repr(text)[:40] for text in NEXT])
def test_sign_in_redirects_only_to_this_site(closed_app: Flask, browser: Any, asked: str, location: str) -> None:
    ada = browser(closed_app)
    fields = ada.fields("/login", "/login") | {"user": "ada", "password": "correct horse", "next": asked}
    response = ada.post("/login", fields)
    assert (response.status_code, response.headers["Location"]) == (303, location)
    assert "x" not in set_cookies(response)
    # The page contains no other addresses either.
    shown = ada.client.get("/login", query_string={"next": asked}, headers=ada.headers).get_data(as_text=True)
    assert "evil" not in shown
    assert safe_next(asked) == (asked if location != "/" else "/")


def test_page_escapes_the_typed_user_name(closed_app: Flask, browser: Any) -> None:
    response = browser(closed_app).sign_in('"><script>alert(1)</script>', path='/login?next=/"><script>')
    assert response.status_code == 401
    assert "<script>alert" not in response.get_data(as_text=True)
    assert 'next" value="/&#34;&gt;&lt;script&gt;"' in response.get_data(as_text=True)
    assert "correct horse" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("host", "scheme", "warns"),
    [
        ("192.0.2.9:8085", "http", True),
        ("192.0.2.9:8085", "https", False),
        ("[2001:db8::9]:8085", "http", True),
        # A request to a loopback address crosses no network
        ("localhost:8085", "http", False),
        ("127.0.0.1:8085", "http", False),
        ("127.8.0.1", "http", False),
        ("[::1]:8085", "http", False),
    ],
)
def test_page_warns_about_an_unencrypted_connection(
    closed_app: Flask, browser: Any, host: str, scheme: str, warns: bool
) -> None:
    page = browser(closed_app).get("/login", Host=host, **{"X-Forwarded-Proto": scheme, "Accept-Language": "fr"})
    assert page.status_code == 200
    assert ("n’est pas chiffrée" in page.get_data(as_text=True)) == warns


def test_guessing_causes_a_pause(closed_app: Flask, deployment: Any, browser: Any, redis: Any) -> None:
    # given
    guesser = browser(closed_app)
    for _ in range(PAIR_BACKOFF.free):
        assert guesser.sign_in("ada", "a guess").status_code == 401
    # and twenty more attempts, until the pause is the longest; the test ends the pause below
    (delay,) = redis.keys("cluster:access:delay:pair:*")
    assert redis.hincrby(delay, "attempts", 20) == PAIR_BACKOFF.free + 20
    # when
    response = guesser.sign_in()
    # then: the right password is not checked
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= PAIR_BACKOFF.longest_seconds
    assert f'data-wait-seconds="{response.headers["Retry-After"]}"' in response.get_data(as_text=True)
    # in another process the count is the same for this user and address, and separate for others
    assert browser(deployment.start()).sign_in("ADA").status_code == 429
    assert browser(closed_app, "192.0.2.99").sign_in().status_code == 303
    deployment.add_user("bob")
    assert browser(closed_app).sign_in("bob").status_code == 303
    keys = [key.decode() for key in redis.keys("cluster:access:delay:*")]
    assert not any("ada" in key or "192" in key for key in keys)
    # After the pause. The remaining lifetime of the delay's key is its clock.
    redis.pexpire(delay, redis.pttl(delay) - 1000 * PAIR_BACKOFF.longest_seconds)
    assert guesser.sign_in().status_code == 303


def start_pause(redis: Any, kind: str) -> None:
    """Start the longest pause of a kind for every counted subject."""
    for key in redis.keys(f"cluster:access:delay:{kind}:*"):
        redis.hset(key, "attempts", 1000)


def test_known_browser_signs_in_while_its_user_and_address_are_guessed(
    closed_app: Flask, ada: Any, browser: Any, redis: Any
) -> None:
    # given
    new, guesser = browser(closed_app), browser(closed_app)
    guesser.sign_in("ada", "a guess")
    for kind in ("user", "address", "pair"):
        start_pause(redis, kind)
    assert guesser.sign_in("ada", "a guess").status_code == 429
    # when / then
    assert new.sign_in().status_code == 429
    assert ada.sign_in().status_code == 303
    ada.sign_out()
    assert ada.sign_in().status_code == 303
    # Only the browser's own wrong passwords count.
    for _ in range(DEVICE_BACKOFF.free):
        assert ada.sign_in("ada", "a guess").status_code == 401
    assert ada.sign_in().status_code == 429


@pytest.mark.parametrize(
    "change", ["another user", "another password", "another key", "changed", "no user", "long ago"]
)
def test_browser_is_not_recognized_by_a_foreign_cookie(
    closed_app: Flask, deployment: Any, ada: Any, browser: Any, redis: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    # given
    cookie = device_cookie(ada)
    name, value, user, password = cookie.key, cookie.value, "ada", "correct horse"
    if change == "another user":
        user, name = "bob", name_of_device_cookie(deployment, "bob")
        deployment.add_user("bob")
    elif change == "another password":
        deployment.add_user(password=(password := "something else"))
    elif change == "another key":
        other = SessionSeal(b"another key of thirty-two bytes..")
        value = _signature(other, "ada", "stamp", *value.split(".")[:2])
    elif change == "changed":
        value = ("A" if value[0] != "A" else "B") + value[1:]
    elif change == "no user":
        (deployment.users / "ada").unlink()
    else:
        monkeypatch.setattr("api.access.cookies.KNOWN_SECONDS", 0)
    visitor = browser(closed_app)
    visitor.client.set_cookie(name, value, path="/login")
    visitor.sign_in("nobody", "a guess")
    start_pause(redis, "address")
    # when / then: the browser counts as unknown
    assert visitor.sign_in(user, password).status_code == 429


def test_device_cookie_is_sent_only_to_the_sign_in_page(closed_app: Flask, deployment: Any, browser: Any) -> None:
    response = browser(closed_app).sign_in()
    cookie = set_cookies(response)[name_of_device_cookie(deployment, "ada")]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/login", True, "Lax")
    assert int(cookie["max-age"]) == KNOWN_SECONDS
    # A response to a wrong password does not reveal the device cookie.
    assert list(set_cookies(browser(closed_app).sign_in("ada", "a guess"))) == [deployment.seal.cookie + "-form"]


def test_repeated_sign_ins_leave_one_revocation_per_browser(
    closed_app: Flask, deployment: Any, ada: Any, browser: Any, redis: Any
) -> None:
    # given: a browser that keeps its cookies, and one that sends only the session cookie
    previous_cookies = [ada.cookie(deployment)]
    forgetful = browser(closed_app)
    answers = []
    for _ in attack_rounds(10):
        # when
        answers.append(ada.sign_in().status_code)
        if answers[-1] == 303:
            previous_cookies.append(ada.cookie(deployment))
        cookie = forgetful.client.get_cookie(deployment.seal.cookie)
        forgetful.client = closed_app.test_client()
        if cookie is not None:
            forgetful.client.set_cookie(deployment.seal.cookie, cookie.value)
        answers.append(forgetful.sign_in().status_code)
    # then: a pause after a hundred sign-ins
    assert answers[:20] == [303] * 20
    assert set(answers) <= {303, 429}
    assert redis.xlen(REVOCATION_LOG_KEY) == 2
    client = closed_app.test_client(use_cookies=False)
    statuses = [
        client.get("/api/health", headers={"Cookie": f"{deployment.seal.cookie}={previous}"}).status_code
        for previous in previous_cookies
    ]
    assert statuses == [401] * (len(previous_cookies) - 1) + [200]
    # and when
    for key in redis.scan_iter(delay_key("*", "*")):
        redis.delete(key)
    for _ in range(5):
        ada.sign_out()
        assert ada.sign_in().status_code == 303
    # then
    assert redis.xlen(REVOCATION_LOG_KEY) == 2
    assert ada.get("/api/session").status_code == 200


def test_successful_sign_ins_are_limited(closed_app: Flask, browser: Any, redis: Any) -> None:
    assert browser(closed_app).sign_in().status_code == 303
    start_pause(redis, "success")
    assert browser(closed_app, "192.0.2.99").sign_in().status_code == 429


def device_cookie(browser: Any) -> Any:
    """Return the device cookie."""
    (found,) = (cookie for cookie in browser.client._cookies.values() if "-device-" in cookie.key)
    return found


def name_of_device_cookie(deployment: Any, user: str) -> str:
    return _name(deployment.seal, user)


def test_office_with_one_address_signs_in_without_a_pause(closed_app: Flask, deployment: Any, browser: Any) -> None:
    for number in range(25):
        deployment.add_user(f"user{number}")
        assert browser(closed_app).sign_in(f"user{number}").status_code == 303


def test_address_is_paused_when_it_guesses_at_many_users(closed_app: Flask, browser: Any) -> None:
    for number in range(ADDRESS_BACKOFF.free):
        assert browser(closed_app).sign_in(f"user{number}", "a guess").status_code == 401
    # The first pause is a second, and each guess after a pause doubles the next. A slow machine may need several
    # guesses.
    later = (browser(closed_app).sign_in(f"user{number}", "a guess").status_code for number in range(20, 28))
    assert 429 in later
    assert browser(closed_app, "192.0.2.8").sign_in().status_code == 303


def test_signing_in_and_out_fails_while_redis_is_away(closed_app: Flask, ada: Any, browser: Any, valkey: Any) -> None:
    stranger, fields = browser(closed_app), ada.fields("/live", "/logout")
    valkey.stop()
    response = stranger.sign_in()
    assert response.status_code == 503
    assert "Signing in needs Redis, which does not answer" in response.get_data(as_text=True)
    response = ada.post("/logout", fields)
    assert response.status_code == 503
    assert "You are still signed in" in response.get_data(as_text=True)
    assert "Set-Cookie" not in response.headers
    assert ada.get("/api/session").status_code == 200


def test_session_is_renewed_while_it_is_used(
    closed_app: Flask, deployment: Any, ada: Any, browser: Any, generation: Callable[[], str]
) -> None:
    def cookie_after(**changes: Any) -> Any:
        who = browser(closed_app)
        who.client.set_cookie(deployment.seal.cookie, deployment.seal.seal(deployment.session(generation(), **changes)))
        response = who.get("/api/health")
        assert response.status_code == 200
        assert re.search("private|no-store", response.headers["Cache-Control"])
        assert "Cookie" in response.headers["Vary"]
        found = set_cookies(response).get(deployment.seal.cookie)
        return None if found is None else deployment.seal.open(found.value)

    now = time.time()
    # Less than a minute of idle time was used, so the session is not renewed.
    assert cookie_after(idle_from=now + 12 * 3600 - 30) is None
    renewed = cookie_after(id="same", issued=now - 50, expires=now + 80000, idle_from=now + 12 * 3600 - 90)
    assert (renewed.id, renewed.issued, renewed.expires) == ("same", now - 50, now + 80000)
    assert renewed.idle_from >= now + 12 * 3600
    # The session ends soon in any case.
    assert cookie_after(expires=now + 1800, idle_from=now + 3600) is None


def test_sign_ins_and_sign_outs_are_logged_and_counted_without_a_secret(
    closed_app: Flask, deployment: Any, browser: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ada = browser(closed_app)
    ada.sign_in("ada", "wrong\r\nINFO forged")
    ada.sign_in("bob\r\nINFO forged", "x")
    ada.sign_in()
    cookie = ada.cookie(deployment)
    ada.sign_out()
    lines = [record.getMessage() for record in caplog.records]
    assert "failed sign-in as 'ada' from 192.0.2.7" in lines
    assert "failed sign-in as 'bob\\r\\nINFO forged' from 192.0.2.7" in lines
    assert "sign-in as 'ada' from 192.0.2.7" in lines
    assert "sign-out of 'ada' from 192.0.2.7" in lines
    everything = "\n".join(lines)
    for secret in ("correct horse", "wrong", cookie, deployment.seal.open(cookie).id):
        assert secret not in everything
    text = deployment.metrics(closed_app)
    assert 'api_sign_ins_total{outcome="success"} 1.0' in text
    assert 'api_sign_ins_total{outcome="wrong"} 2.0' in text


def test_sign_in_page_is_french_when_the_browser_prefers_french(closed_app: Flask, browser: Any) -> None:
    response = browser(closed_app).sign_in("ada", "a guess", **{"Accept-Language": "fr"})
    assert "Cet utilisateur n’existe pas" in response.get_data(as_text=True)
