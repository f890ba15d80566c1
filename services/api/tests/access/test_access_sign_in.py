"""Signing in and out, as a browser does."""

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
from api.access.users import AT_ONCE, PasswordVerifier, TooManyPasswordChecks, UnusablePassword, hash_password
from api.tests.conftest import cookies
from contract.names import REVOCATION_LOG_KEY, delay_key
from tests.drivers.attacks import attack_rounds

WRONG = "There is no such user, or the password is wrong."


def without_secrets(response: TestResponse, user: str) -> str:
    """A page without what differs from one to the next."""
    text = response.get_data(as_text=True)
    return re.sub(r'name="csrf" value="[^"]*"', "", text).replace(f'value="{user}"', "")


def test_person_signs_in_sees_everything_and_signs_out(closed: Flask, house: Any, person: Any, listen: Any) -> None:
    # given
    ada = person(closed)
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
    hear = listen()
    session = house.seal.open(ada.cookie(house))
    response = ada.sign_out()
    # then
    assert (response.status_code, response.headers["Location"]) == (303, "/login")
    assert cookies(response)[house.seal.cookie]["max-age"] == "0"
    told, told_to_former_release = hear(), hear()
    assert told.startswith(f"device:{session.device}@")
    assert told_to_former_release == f"session:{session.id}"
    assert ada.get("/live").status_code == 303


@pytest.mark.parametrize(
    ("proto", "public", "secure"),
    [("http", None, False), ("https", None, True), ("http", WebOrigin("https", "cluster.example", 443), True)],
)
def test_cookie_is_for_browsers_only_and_this_site(
    house: Any, person: Any, proto: str, public: WebOrigin | None, secure: bool
) -> None:
    house.add_user()
    ada = person(house.start(public_url=public, session_seconds=1000.0, idle_seconds=500.0))
    ada.headers |= {"X-Forwarded-Proto": proto}
    url = "https://localhost" if secure else None
    page = ada.client.get("/login", headers=ada.headers, base_url=url)
    token = re.search(r'name="csrf" value="([^"]+)"', page.get_data(as_text=True))
    assert token is not None
    fields = {"user": "ada", "password": "correct horse", "csrf": token[1]}
    response = ada.client.post("/login", data=fields, headers=ada.headers, base_url=url)
    for answer, name, path in ((page, house.seal.cookie + "-form", "/login"), (response, house.seal.cookie, "/")):
        cookie = cookies(answer)[name]
        assert cookie["httponly"] is True
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", path, "")
        assert bool(cookie["secure"]) is secure
    assert int(cookies(response)[house.seal.cookie]["max-age"]) in (499, 500)
    assert "no-store" in response.headers["Cache-Control"]


def test_session_is_a_new_one_whatever_the_browser_brought(
    closed: Flask, house: Any, person: Any, generation: Callable[[], str]
) -> None:
    # given: somebody who planted a session of his own, and one that never was
    mallory, victim = person(closed), person(closed)
    house.add_user("mallory")
    mallory.sign_in("mallory")
    for planted in (mallory.cookie(house), "planted", house.seal.seal(house.session(generation(), id="chosen"))):
        victim.client.set_cookie(house.seal.cookie, planted)
        # when
        assert victim.sign_in().status_code == 303
        # then
        session = house.seal.open(victim.cookie(house))
        assert session.user == "ada"
        assert session.id not in ("chosen", house.seal.open(mallory.cookie(house)).id)
        assert victim.cookie(house) != planted
    # What was valid and replaced is not valid any more.
    assert mallory.get("/api/health").status_code == 401


def test_session_of_before_ends_when_somebody_signs_in_again(closed: Flask, house: Any, ada: Any) -> None:
    former = ada.cookie(house)
    ada.sign_in()
    answer = closed.test_client(use_cookies=False).get(
        "/api/health", headers={"Cookie": f"{house.seal.cookie}={former}"}
    )
    assert answer.status_code == 401
    assert ada.get("/api/session").status_code == 200


@pytest.mark.parametrize(
    "user", ["nobody", "", "ADA", "../users/ada", "ada\x00", "ada\r\nSet-Cookie: x=1", "é" * 500, "."]
)
def test_answer_is_the_same_whether_there_is_such_a_user_or_not(
    closed: Flask, person: Any, caplog: pytest.LogCaptureFixture, user: str
) -> None:
    wrong = person(closed, "192.0.2.1").sign_in("ada", "not this one")
    nobody = person(closed, "192.0.2.2").sign_in(user)
    assert (wrong.status_code, nobody.status_code) == (401, 401)
    assert WRONG in wrong.get_data(as_text=True)
    if user.isalnum() and user.isascii():
        assert without_secrets(nobody, user) == without_secrets(wrong, "ada")
    assert {name for name, _ in nobody.headers} == {name for name, _ in wrong.headers}
    assert "x=1" not in str(nobody.headers)
    assert all("\n" not in record.getMessage() for record in caplog.records)
    assert all(len(record.getMessage()) < 900 for record in caplog.records)


class Hasher:
    """In place of argon2: takes every password, and remembers what was looked at and by whom."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looked_at: list[str] = []
        self.threads: set[int] = set()
        monkeypatch.setattr("api.access.users._hasher", lambda: self)

    def verify(self, stored: str, password: bytes) -> bool:
        self.looked_at.append(stored)
        self.threads.add(threading.get_ident())
        return True


def test_same_work_is_done_whether_there_is_such_a_user_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = hash_password("correct horse")
    hasher = Hasher(monkeypatch)
    passwords = PasswordVerifier(waiting=1)
    assert passwords.matches(stored, "x")
    assert not passwords.matches(None, "x")
    costs = [looked_at.rpartition("$")[0].rpartition("$")[0] for looked_at in hasher.looked_at]
    assert costs == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


def test_stand_in_for_nobodys_password_is_compared_like_one() -> None:
    assert not PasswordVerifier(waiting=1).matches(None, "anything at all")


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_password_is_refused_when_it_is_too_short_or_too_long(password: str) -> None:
    with pytest.raises(UnusablePassword, match="8 to 1024"):
        hash_password(password)


def test_password_is_the_same_however_a_keyboard_writes_it_and_whole() -> None:
    passwords = PasswordVerifier(waiting=1)
    stored = hash_password(" caf\u00e9 au lait ")
    assert passwords.matches(stored, " cafe\u0301 au lait ")
    for other in ("caf\u00e9 au lait", " CAF\u00c9 au lait ", " caf\u00e9 au lait", " cafe au lait "):
        assert not passwords.matches(stored, other)
    longest = "x" * 1024
    assert passwords.matches(hash_password(longest), longest)
    assert not passwords.matches(hash_password(longest), longest + "x")


def test_no_more_passwords_are_looked_at_than_there_is_room_for() -> None:
    passwords = PasswordVerifier(waiting=1, wait_seconds=0.01)
    with passwords._slot(), passwords._slot(), pytest.raises(TooManyPasswordChecks):
        passwords.matches(None, "x" * 8)
    assert AT_ONCE == 2
    assert not passwords.matches(None, "x" * 8)


def test_passwords_are_compared_in_few_threads_when_many_threads_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher, passwords = Hasher(monkeypatch), PasswordVerifier(waiting=16)
    with ThreadPoolExecutor(16) as asking:
        asked = threading.Barrier(16)

        def ask(_number: int) -> bool:
            asked.wait(20)
            return passwords.matches("a hash", "x" * 8)

        assert list(asking.map(ask, range(16))) == [True] * 16

    assert len(hasher.threads) <= AT_ONCE


def test_page_says_so_when_too_many_sign_in(closed: Flask, person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> bool:
        raise TooManyPasswordChecks

    monkeypatch.setattr(PasswordVerifier, "matches", busy)
    response = person(closed).sign_in()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "Too many people" in response.get_data(as_text=True)


def test_user_and_password_count_from_the_moment_they_are_set(
    house: Any, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given two processes that have just looked at the users
    monkeypatch.setattr("access.credential_folder.CHECK_SECONDS", 3600.0)
    house.add_user("ada", "the first password")
    apps = [house.start(), house.start()]
    ada, eve = person(apps[0], "192.0.2.1"), person(apps[0], "192.0.2.2")
    other = person(apps[1], "192.0.2.3")
    assert all(each.sign_in("nobody", "no password").status_code == 401 for each in (ada, eve, other))
    # when
    house.add_user("eve", "a password of hers")
    house.add_user("ada", "the second password")
    # then
    assert ada.sign_in("ada", "the first password").status_code == 401
    assert ada.sign_in("ada", "the second password").status_code == 303
    assert eve.sign_in("eve", "a password of hers").status_code == 303
    for here in (ada, eve):
        there = person(apps[1])
        there.client.set_cookie(house.seal.cookie, here.cookie(house))
        assert there.get("/live").status_code == 200


def test_password_that_is_changed_while_it_is_compared_lets_nobody_in(
    closed: Flask, house: Any, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    compare, changed_at = PasswordVerifier.matches, []

    def slowly(passwords: PasswordVerifier, stored: str | None, password: str) -> bool:
        house.add_user("ada", "quite another password")
        changed_at.append(time.time())
        return compare(passwords, stored, password)

    monkeypatch.setattr(PasswordVerifier, "matches", slowly)
    # when
    ada = person(closed)
    response = ada.sign_in()
    # then the password was right when it was asked for
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert ada.get("/live").status_code == 303
    # and the push replicas, which know no passwords, are told of it by the time
    revocations, session = Revocations(), house.seal.open(ada.cookie(house))
    revocations.add(revocation_of_user("ada", changed_at[0]))
    revocations.finish_loading(session.generation)
    assert revocations.includes(session.grant())


def test_user_whose_hash_is_none_cannot_sign_in(closed: Flask, house: Any, person: Any) -> None:
    for content in (
        b'{"hash":"","created":1}',
        b'{"hash":"plain","created":1}',
        b"{}",
        b"",
        b'{"hash":"$argon2id$v=19$m=8,t=1,p=1$AAAA"}',
    ):
        (house.users / "ada").write_bytes(content)
        redis_free = person(closed, f"192.0.2.{len(content)}")
        assert redis_free.sign_in("ada", "plain").status_code in (401, 429)
        assert redis_free.sign_in("ada", "").status_code in (401, 429)


#: Where a person goes on, by what the form says.
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
def test_person_goes_on_to_a_page_of_ours_only(closed: Flask, person: Any, asked: str, location: str) -> None:
    ada = person(closed)
    fields = ada.fields("/login", "/login") | {"user": "ada", "password": "correct horse", "next": asked}
    response = ada.post("/login", fields)
    assert (response.status_code, response.headers["Location"]) == (303, location)
    assert "x" not in cookies(response)
    # The page itself carries nothing else either.
    shown = ada.client.get("/login", query_string={"next": asked}, headers=ada.headers).get_data(as_text=True)
    assert "evil" not in shown
    assert safe_next(asked) == (asked if location != "/" else "/")


def test_page_shows_what_was_typed_as_text(closed: Flask, person: Any) -> None:
    response = person(closed).sign_in('"><script>alert(1)</script>', path='/login?next=/"><script>')
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
        # What stays on this machine passes no network
        ("localhost:8085", "http", False),
        ("127.0.0.1:8085", "http", False),
        ("127.8.0.1", "http", False),
        ("[::1]:8085", "http", False),
    ],
)
def test_page_warns_when_others_can_read_what_is_sent(
    closed: Flask, person: Any, host: str, scheme: str, warns: bool
) -> None:
    page = person(closed).get("/login", Host=host, **{"X-Forwarded-Proto": scheme, "Accept-Language": "fr"})
    assert page.status_code == 200
    assert ("n’est pas chiffrée" in page.get_data(as_text=True)) == warns


def test_pause_is_told_of_when_somebody_guesses(closed: Flask, house: Any, person: Any, redis: Any) -> None:
    # given
    guesser = person(closed)
    for _ in range(PAIR_BACKOFF.free):
        assert guesser.sign_in("ada", "a guess").status_code == 401
    # and twenty more, after which the pause is the longest; the test ends it below
    (delay,) = redis.keys("cluster:access:delay:pair:*")
    assert redis.hincrby(delay, "attempts", 20) == PAIR_BACKOFF.free + 20
    # when
    response = guesser.sign_in()
    # then: the right password is not looked at
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= PAIR_BACKOFF.longest_seconds
    assert f'data-wait-seconds="{response.headers["Retry-After"]}"' in response.get_data(as_text=True)
    # at another process it is the same user and address; another user, and another address, are not
    assert person(house.start()).sign_in("ADA").status_code == 429
    assert person(closed, "192.0.2.99").sign_in().status_code == 303
    house.add_user("bob")
    assert person(closed).sign_in("bob").status_code == 303
    keys = [key.decode() for key in redis.keys("cluster:access:delay:*")]
    assert not any("ada" in key or "192" in key for key in keys)
    # After the pause: what is left of the delay's life is the clock that it goes by
    redis.pexpire(delay, redis.pttl(delay) - 1000 * PAIR_BACKOFF.longest_seconds)
    assert guesser.sign_in().status_code == 303


def paused(redis: Any, kind: str) -> None:
    """Have the longest pause of a kind begin, for all of whom something is counted."""
    for key in redis.keys(f"cluster:access:delay:{kind}:*"):
        redis.hset(key, "attempts", 1000)


def test_browser_of_before_signs_in_while_somebody_guesses_at_its_user_and_address(
    closed: Flask, ada: Any, person: Any, redis: Any
) -> None:
    # given
    new, guesser = person(closed), person(closed)
    guesser.sign_in("ada", "a guess")
    for kind in ("user", "address", "pair"):
        paused(redis, kind)
    assert guesser.sign_in("ada", "a guess").status_code == 429
    # when / then
    assert new.sign_in().status_code == 429
    assert ada.sign_in().status_code == 303
    ada.sign_out()
    assert ada.sign_in().status_code == 303
    # Its own wrong passwords are counted, and nobody else's.
    for _ in range(DEVICE_BACKOFF.free):
        assert ada.sign_in("ada", "a guess").status_code == 401
    assert ada.sign_in().status_code == 429


@pytest.mark.parametrize(
    "change", ["another user", "another password", "another key", "changed", "no user", "long ago"]
)
def test_browser_is_not_known_by_a_cookie_that_is_not_of_it(
    closed: Flask, house: Any, ada: Any, person: Any, redis: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    # given
    cookie = device_cookie(ada)
    name, value, user, password = cookie.key, cookie.value, "ada", "correct horse"
    if change == "another user":
        user, name = "bob", name_of_device_cookie(house, "bob")
        house.add_user("bob")
    elif change == "another password":
        house.add_user(password=(password := "something else"))
    elif change == "another key":
        other = SessionSeal(b"another key of thirty-two bytes..")
        value = _signature(other, "ada", "stamp", *value.split(".")[:2])
    elif change == "changed":
        value = ("A" if value[0] != "A" else "B") + value[1:]
    elif change == "no user":
        (house.users / "ada").unlink()
    else:
        monkeypatch.setattr("api.access.cookies.KNOWN_SECONDS", 0)
    visitor = person(closed)
    visitor.client.set_cookie(name, value, path="/login")
    visitor.sign_in("nobody", "a guess")
    paused(redis, "address")
    # when / then: it is a visitor like any other
    assert visitor.sign_in(user, password).status_code == 429


def test_cookie_of_a_browser_is_for_signing_in_only(closed: Flask, house: Any, person: Any) -> None:
    response = person(closed).sign_in()
    cookie = cookies(response)[name_of_device_cookie(house, "ada")]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/login", True, "Lax")
    assert int(cookie["max-age"]) == KNOWN_SECONDS
    # A wrong password is told nothing of it.
    assert list(cookies(person(closed).sign_in("ada", "a guess"))) == [house.seal.cookie + "-form"]


def test_signing_in_again_and_again_leaves_one_revocation_a_browser(
    closed: Flask, house: Any, ada: Any, person: Any, redis: Any
) -> None:
    # given: a browser that keeps its cookies, and one that sends the session's alone
    formers = [ada.cookie(house)]
    forgetful = person(closed)
    answers = []
    for _ in attack_rounds(10):
        # when
        answers.append(ada.sign_in().status_code)
        if answers[-1] == 303:
            formers.append(ada.cookie(house))
        cookie = forgetful.client.get_cookie(house.seal.cookie)
        forgetful.client = closed.test_client()
        if cookie is not None:
            forgetful.client.set_cookie(house.seal.cookie, cookie.value)
        answers.append(forgetful.sign_in().status_code)
    # then: there are pauses after a hundred
    assert answers[:20] == [303] * 20
    assert set(answers) <= {303, 429}
    assert redis.xlen(REVOCATION_LOG_KEY) == 2
    client = closed.test_client(use_cookies=False)
    statuses = [
        client.get("/api/health", headers={"Cookie": f"{house.seal.cookie}={former}"}).status_code for former in formers
    ]
    assert statuses == [401] * (len(formers) - 1) + [200]
    # and when
    for key in redis.scan_iter(delay_key("*", "*")):
        redis.delete(key)
    for _ in range(5):
        ada.sign_out()
        assert ada.sign_in().status_code == 303
    # then
    assert redis.xlen(REVOCATION_LOG_KEY) == 2
    assert ada.get("/api/session").status_code == 200


def test_successful_sign_ins_are_limited(closed: Flask, person: Any, redis: Any) -> None:
    assert person(closed).sign_in().status_code == 303
    paused(redis, "success")
    assert person(closed, "192.0.2.99").sign_in().status_code == 429


def device_cookie(person: Any) -> Any:
    """The cookie by which a browser is known."""
    (found,) = (cookie for cookie in person.client._cookies.values() if "-device-" in cookie.key)
    return found


def name_of_device_cookie(house: Any, user: str) -> str:
    return _name(house.seal, user)


def test_office_behind_one_address_signs_in_without_a_pause(closed: Flask, house: Any, person: Any) -> None:
    for number in range(25):
        house.add_user(f"user{number}")
        assert person(closed).sign_in(f"user{number}").status_code == 303


def test_address_is_paused_when_it_guesses_at_many_users(closed: Flask, person: Any) -> None:
    for number in range(ADDRESS_BACKOFF.free):
        assert person(closed).sign_in(f"user{number}", "a guess").status_code == 401
    # The first pause is a second, and each guess after a pause doubles the next: a busy machine may need more than one.
    later = (person(closed).sign_in(f"user{number}", "a guess").status_code for number in range(20, 28))
    assert 429 in later
    assert person(closed, "192.0.2.8").sign_in().status_code == 303


def test_nobody_signs_in_or_out_while_redis_is_away(closed: Flask, ada: Any, person: Any, valkey: Any) -> None:
    stranger, fields = person(closed), ada.fields("/live", "/logout")
    valkey.stop()
    response = stranger.sign_in()
    assert response.status_code == 503
    assert "Signing in needs Redis, which does not answer" in response.get_data(as_text=True)
    response = ada.post("/logout", fields)
    assert response.status_code == 503
    assert "You are still signed in" in response.get_data(as_text=True)
    assert "Set-Cookie" not in response.headers
    assert ada.get("/api/session").status_code == 200


def test_session_is_prolonged_while_it_is_used(
    closed: Flask, house: Any, ada: Any, person: Any, generation: Callable[[], str]
) -> None:
    def cookie_after(**changes: Any) -> Any:
        who = person(closed)
        who.client.set_cookie(house.seal.cookie, house.seal.seal(house.session(generation(), **changes)))
        response = who.get("/api/health")
        assert response.status_code == 200
        assert re.search("private|no-store", response.headers["Cache-Control"])
        assert "Cookie" in response.headers["Vary"]
        found = cookies(response).get(house.seal.cookie)
        return None if found is None else house.seal.open(found.value)

    now = time.time()
    # Shortened by less than a minute: not worth a cookie.
    assert cookie_after(idle_from=now + 12 * 3600 - 30) is None
    renewed = cookie_after(id="same", issued=now - 50, expires=now + 80000, idle_from=now + 12 * 3600 - 90)
    assert (renewed.id, renewed.issued, renewed.expires) == ("same", now - 50, now + 80000)
    assert renewed.idle_from >= now + 12 * 3600
    # It ends soon in any case.
    assert cookie_after(expires=now + 1800, idle_from=now + 3600) is None


def test_sign_ins_and_sign_outs_are_logged_and_counted_without_a_secret(
    closed: Flask, house: Any, person: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ada = person(closed)
    ada.sign_in("ada", "wrong\r\nINFO forged")
    ada.sign_in("bob\r\nINFO forged", "x")
    ada.sign_in()
    cookie = ada.cookie(house)
    ada.sign_out()
    lines = [record.getMessage() for record in caplog.records]
    assert "failed sign-in as 'ada' from 192.0.2.7" in lines
    assert "failed sign-in as 'bob\\r\\nINFO forged' from 192.0.2.7" in lines
    assert "sign-in as 'ada' from 192.0.2.7" in lines
    assert "sign-out of 'ada' from 192.0.2.7" in lines
    everything = "\n".join(lines)
    for secret in ("correct horse", "wrong", cookie, house.seal.open(cookie).id):
        assert secret not in everything
    text = house.metrics(closed)
    assert 'api_sign_ins_total{outcome="success"} 1.0' in text
    assert 'api_sign_ins_total{outcome="wrong"} 2.0' in text


def test_pages_are_french_for_who_reads_french(closed: Flask, person: Any) -> None:
    response = person(closed).sign_in("ada", "a guess", **{"Accept-Language": "fr"})
    assert "Cet utilisateur n’existe pas" in response.get_data(as_text=True)
