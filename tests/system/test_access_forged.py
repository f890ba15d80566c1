"""Forged, foreign and planted credentials, and forms of other sites, on the real processes."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
import requests

from access.grant import PUBLISH, READ
from access.session import Session, SessionSeal
from contract.names import ALERTS_CHANNEL, GENERATION_KEY
from tests.drivers.closed_stack import PASSWORD, ClosedStack, closed_stack
from tests.drivers.forged import base64url, jwt
from tests.drivers.person import Person
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

EVIL = "http://evil.example"


@dataclass
class Installation:
    """An api and a replica."""

    stack: ClosedStack
    api: Rest
    replicas: list[Rest]

    @property
    def origin(self) -> str:
        """Of the api."""
        return self.api.origin

    def takes(self, name: str, value: str) -> list[bool]:
        """Whether the api and each replica let in who shows a cookie of that name."""
        cookie = f"{name}={value}"
        answer = requests.get(f"{self.origin}/api/session", headers={"Cookie": cookie}, timeout=30)
        assert answer.status_code in (200, 401), answer.text
        replicas = [self.stack.is_let_in(replica, cookie=cookie) for replica in self.replicas]
        return [answer.status_code == 200, *replicas]

    def takes_token(self, token: str) -> list[bool]:
        """Whether the api and each replica let in who shows a token."""
        headers = {"Authorization": f"Bearer {token}"}
        origins = [self.origin, *(replica.origin for replica in self.replicas)]
        statuses = [requests.get(f"{origin}/metrics", headers=headers, timeout=30).status_code for origin in origins]
        assert set(statuses) <= {200, 401}
        sockets = [self.stack.is_let_in(replica, token=token) for replica in self.replicas]
        return [*(status == 200 for status in statuses), *sockets]


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Installation, Installation]]:
    """Two installations that have nothing in common."""
    with closed_stack() as one, closed_stack() as other:
        yield started(one), started(other)


def started(stack: ClosedStack) -> Installation:
    return Installation(stack, stack.start_api(), [stack.start_replica()])


@pytest.fixture(scope="module")
def here(two: tuple[Installation, Installation]) -> Installation:
    return two[0]


def forged(here: Installation) -> dict[str, str]:
    """What is no session of this installation, though it looks like one."""
    cookie = here.stack.signed_in(here.origin).session
    payload, _, signature = cookie.partition(".")
    session = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Session)
    assert session.user == "ada"

    claims = base64url(json.dumps({"sub": "ada", "exp": time.time() + 3600}).encode())

    def changed(**fields: object) -> str:
        return base64url(msgspec.json.encode(msgspec.structs.replace(session, **fields)))

    return {
        "nothing": "",
        "payload alone": payload,
        "no signature": f"{payload}.",
        "signature cut": cookie[:-1],
        "signature of nothing": f".{signature}",
        "payload cut": f"{payload[:-4]}.{signature}",
        "payload with another end": f"{payload[:-1]}{'A' if payload[-1] != 'A' else 'B'}.{signature}",
        "payload with more": f"{payload}AAAA.{signature}",
        "another user": f"{changed(user='root')}.{signature}",
        "no end": f"{changed(expires=9e12, idle_from=9e12)}.{signature}",
        "JWT with alg none": jwt("none", b"", claims),
        "JWT with no key": jwt("HS256", b"", claims),
        "JWT signed with the cookie's name": jwt("HS256", here.stack.seal.cookie.encode(), claims),
        "another key": SessionSeal(secrets.token_hex(32).encode()).seal(session),
        "empty key": SessionSeal(b"").seal(session),
        "a form's token": here.stack.person().form_token(f"{here.origin}/login"),
        "long": cookie + "A" * 4000,
        "a list": base64url(b"[]") + "." + signature,
        "no text": "%ff%00",
    }


def test_nobody_gets_in_with_a_forged_session(here: Installation) -> None:
    for kind, value in forged(here).items():
        assert not any(here.takes(here.stack.seal.cookie, value)), kind
    # The same by other roads is no session either.
    cookie = here.stack.signed_in(here.origin).session
    assert all(here.takes(here.stack.seal.cookie, cookie))
    assert not any(here.takes_token(cookie))
    for name in ("session", here.stack.seal.cookie.upper(), f"__Host-{here.stack.seal.cookie}"):
        assert not any(here.takes(name, cookie)), name
    for path in (f"/api/session?{here.stack.seal.cookie}={cookie}", f"/api/session?token={cookie}"):
        assert here.stack.person().get(here.origin + path).status_code == 401


def test_session_signed_with_the_right_key_is_refused_when_it_is_of_another_time_or_place(here: Installation) -> None:
    # Given who has got hold of the key, but may not sign in
    now = time.time()
    redis = here.stack.redis()
    generation = (redis.get(GENERATION_KEY) or b"").decode()
    redis.close()
    assert generation
    good = Session("made-up", "ada", generation, "no stamp", now, now + 3600, now + 3600)
    cookie = here.stack.seal.cookie

    def sealed(**fields: object) -> str:
        return here.stack.seal.seal(msgspec.structs.replace(good, **fields))

    # Then the times and the store's generation are looked at everywhere
    for fields in (
        {"expires": now - 1},
        {"idle_from": now - 1},
        {"expires": float(-1)},
        {"generation": ""},
        {"generation": "0" * 32},
    ):
        assert not any(here.takes(cookie, sealed(**fields))), fields
    # And the api, which knows the users, takes none of a user that is none, or of another password
    for fields in ({"user": "root"}, {"user": ""}, {"user": "../key"}, {}):
        assert not here.takes(cookie, sealed(**fields))[0], fields


def test_nobody_gets_in_with_a_forged_token(here: Installation) -> None:
    token = here.stack.add_token("reader", READ)
    assert all(here.takes_token(token))
    for kind, forged_token in {
        "cut": token[:-1],
        "longer": token + "A",
        "other case": token.swapcase(),
        "made up": "dcl_" + secrets.token_urlsafe(32),
        "its file's name": "reader",
        "its digest": json.loads((here.stack.tokens / "reader").read_bytes())["sha256"],
        "nothing": "dcl_",
        "path": "../users/ada",
        "long": "dcl_" + "A" * 7000,
    }.items():
        assert not any(here.takes_token(forged_token)), kind


def test_token_reaches_no_further_than_its_scope(here: Installation) -> None:
    reads, publishes = here.stack.add_token("reads", READ), here.stack.add_token("publishes", PUBLISH)
    url = f"{here.origin}/api/publish/{ALERTS_CHANNEL}"

    def published(token: str) -> int:
        return here.stack.person(Authorization=f"Bearer {token}").post(url, b'{"x":1}').status_code

    assert published(publishes) == 202
    assert published(reads) == 403
    assert (
        requests.get(
            f"{here.origin}/api/session", headers={"Authorization": f"Bearer {publishes}"}, timeout=30
        ).status_code
        == 403
    )
    assert not any(here.stack.is_let_in(replica, token=publishes) for replica in here.replicas)


def test_credentials_of_one_installation_are_worth_nothing_at_another(
    two: tuple[Installation, Installation],
) -> None:
    here, there = two
    cookie, token = here.stack.signed_in(here.origin).session, here.stack.add_token("abroad", READ)
    assert all(here.takes(here.stack.seal.cookie, cookie) + here.takes_token(token))

    assert here.stack.seal.cookie != there.stack.seal.cookie
    for name in (here.stack.seal.cookie, there.stack.seal.cookie):
        assert not any(there.takes(name, cookie)), name
    assert not any(there.takes_token(token))


def test_session_is_worth_nothing_at_another_installation_that_has_the_same_key(
    two: tuple[Installation, Installation],
) -> None:
    # Given a second installation that was made of a copy of the first
    here, there = two
    twin = ClosedStack(there.stack.valkey, **{**here.stack.env, "REDIS_URL": there.stack.env["REDIS_URL"]})
    try:
        other = Installation(twin, twin.start_api(), [twin.start_replica()])
        cookie = here.stack.signed_in(here.origin).session
        assert all(here.takes(here.stack.seal.cookie, cookie))
        # Then its Redis tells them apart
        assert not any(other.takes(here.stack.seal.cookie, cookie))
    finally:
        twin.close()


@pytest.mark.parametrize("planted", ["garbage", "another's session"])
def test_signing_in_makes_a_session_of_its_own_whatever_was_planted_before(here: Installation, planted: str) -> None:
    # Given a browser into which somebody has put a cookie that he knows
    mallory = here.stack.signed_in(here.origin)
    known = mallory.session if planted != "garbage" else "planted"
    victim = here.stack.person()
    victim.session = known

    victim.sign_in(here.origin, "ada", PASSWORD)

    assert victim.session not in ("", known)
    assert all(here.takes(here.stack.seal.cookie, victim.session))
    eventually(lambda: not any(here.takes(here.stack.seal.cookie, known)), what="the planted session is dead")


def test_session_cookie_is_for_this_host_out_of_scripts_reach_and_not_sent_by_other_sites(here: Installation) -> None:
    person = here.stack.person()
    answer = person.try_to_sign_in(here.origin, "ada", PASSWORD)

    (cookie,) = [
        line for line in answer.raw.headers.getlist("Set-Cookie") if line.startswith(f"{here.stack.seal.cookie}=")
    ]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)


#: Ways in which a browser says that another site's page sends a form.
FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": ""},
    {"Referer": f"{EVIL}/page"},
    {"Referer": "about:blank"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Origin": "HOME"},
    {"Origin": EVIL, "Referer": "HOME"},
    {"Origin": EVIL, "X_Forwarded_Host": "evil.example"},
]


def said(here: Installation, headers: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("HOME", here.origin) for name, value in headers.items()}


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_form_that_another_site_sends_is_refused_though_it_has_the_right_token(
    here: Installation, headers: dict[str, str]
) -> None:
    victim = here.stack.signed_in(here.origin)
    form = {"csrf": victim.form_token(f"{here.origin}/")}
    foreign = said(here, headers)

    assert victim.post(f"{here.origin}/logout", form, **foreign).status_code in (400, 403)

    assert victim.is_known(here.origin)
    # Nor does it sign a visitor in as somebody whom the other site chose.
    visitor = here.stack.person()
    login = {"csrf": visitor.form_token(f"{here.origin}/login"), "user": "ada", "password": PASSWORD}
    assert visitor.post(f"{here.origin}/login", login, **foreign).status_code in (400, 403)
    assert visitor.session == ""
    assert victim.post(f"{here.origin}/api/publish/{ALERTS_CHANNEL}", b"{}", **foreign).status_code in (400, 403)
    # The same form, sent from our page, does what it is for.
    assert victim.post(f"{here.origin}/logout", form, Origin=here.origin, Sec_Fetch_Site="same-origin").ok


def test_form_without_its_own_token_is_refused(here: Installation) -> None:
    victim, other, visitor = here.stack.signed_in(here.origin), here.stack.signed_in(here.origin), here.stack.person()
    url = f"{here.origin}/logout"
    right = victim.form_token(f"{here.origin}/")
    for kind, form in {
        "none": {},
        "empty": {"csrf": ""},
        "made up": {"csrf": secrets.token_urlsafe(32)},
        "cut": {"csrf": right[:-1]},
        "of another session": {"csrf": other.form_token(f"{here.origin}/")},
        "of a visitor": {"csrf": visitor.form_token(f"{here.origin}/login")},
        "the session itself": {"csrf": victim.session},
        "no text": {"csrf": b"\xff\xfe"},
    }.items():
        assert victim.post(url, form).status_code == 403, kind
    for kind, (body, content_type) in {
        "JSON": (json.dumps({"csrf": right}).encode(), "application/json"),
        "as text": (f"csrf={right}".encode(), "text/plain"),
        "of several parts": (
            f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{right}\r\n--x--\r\n'.encode(),
            "multipart/form-data; boundary=x",
        ),
    }.items():
        assert victim.post(url, body, Content_Type=content_type).status_code in (400, 403), kind
    assert victim.post(f"{url}?csrf={right}", {}).status_code == 403
    assert victim.get(f"{url}?csrf={right}").status_code == 405
    assert victim.is_known(here.origin)
    assert victim.post(url, {"csrf": right}).status_code == 303


def test_visitors_form_is_refused_where_its_cookie_is_anothers(here: Installation) -> None:
    mallory, victim = here.stack.person(), here.stack.person()
    token = mallory.form_token(f"{here.origin}/login")
    form = {"csrf": token, "user": "ada", "password": PASSWORD}

    assert victim.post(f"{here.origin}/login", form).status_code == 403
    victim.form_token(f"{here.origin}/login")
    assert victim.post(f"{here.origin}/login", form).status_code == 403
    assert victim.session == ""
    assert mallory.post(f"{here.origin}/login", form).status_code == 303


def test_session_publishes_nothing_and_no_answer_lets_other_sites_read_it(here: Installation) -> None:
    person: Person = here.stack.signed_in(here.origin)
    token = person.form_token(f"{here.origin}/")
    redis = here.stack.redis()
    pubsub = redis.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(ALERTS_CHANNEL)
    pubsub.get_message(timeout=5)

    for body, content_type in ((b'{"x":1}', "application/json"), (f"csrf={token}".encode(), "text/plain")):
        for path in (ALERTS_CHANNEL, f"{ALERTS_CHANNEL}?csrf={token}"):
            answer = person.post(f"{here.origin}/api/publish/{path}", body, Content_Type=content_type)
            assert answer.status_code == 403, answer.text
    for path in ("/api/session", "/api/health", "/login", "/nowhere"):
        answer = person.get(here.origin + path, Origin=EVIL)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]

    # What is published afterwards is the first that comes.
    redis.publish(ALERTS_CHANNEL, '{"last":1}')
    message = eventually(lambda: pubsub.get_message(timeout=1), what="the last publication")
    assert message["data"] == b'{"last":1}'
    pubsub.close()
    redis.close()
