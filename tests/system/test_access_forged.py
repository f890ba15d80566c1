"""Forged credentials, and credentials of another installation, on real processes."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
import requests

from access.grant import READ
from access.session import Session, SessionSeal
from tests.drivers.closed_stack import ClosedStack, closed_stack
from tests.drivers.forged import base64url, jwt
from tests.drivers.rest import Rest


@dataclass
class Installation:
    """An api and a replica."""

    stack: ClosedStack
    api: Rest
    replicas: list[Rest]

    @property
    def origin(self) -> str:
        """Return the api's origin."""
        return self.api.origin

    def accepts(self, name: str, value: str) -> list[bool]:
        """Whether the api and each replica accept a cookie of that name."""
        cookie = f"{name}={value}"
        answer = requests.get(f"{self.origin}/api/session", headers={"Cookie": cookie}, timeout=30)
        assert answer.status_code in (200, 401), answer.text
        replicas = [self.stack.is_let_in(replica, cookie=cookie) for replica in self.replicas]
        return [answer.status_code == 200, *replicas]

    def accepts_token(self, token: str) -> list[bool]:
        """Whether the api and each replica accept a token."""
        headers = {"Authorization": f"Bearer {token}"}
        origins = [self.origin, *(replica.origin for replica in self.replicas)]
        statuses = [requests.get(f"{origin}/metrics", headers=headers, timeout=30).status_code for origin in origins]
        assert set(statuses) <= {200, 401}
        sockets = [self.stack.is_let_in(replica, token=token) for replica in self.replicas]
        return [*(status == 200 for status in statuses), *sockets]


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Installation, Installation]]:
    """Two independent installations."""
    with closed_stack() as one, closed_stack() as other:
        yield started(one), started(other)


def started(stack: ClosedStack) -> Installation:
    return Installation(stack, stack.start_api(), [stack.start_replica()])


@pytest.fixture(scope="module")
def here(two: tuple[Installation, Installation]) -> Installation:
    return two[0]


def forged(here: Installation) -> dict[str, str]:
    """Return forged sessions of this installation."""
    cookie = here.stack.signed_in(here.origin).session
    payload, _, signature = cookie.partition(".")
    session = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Session)
    assert session.user == "ada"

    claims = base64url(json.dumps({"sub": "ada", "exp": time.time() + 3600}).encode())

    def changed(**fields: object) -> str:
        return base64url(msgspec.json.encode(msgspec.structs.replace(session, **fields)))

    return {
        "no signature": f"{payload}.",
        "signature cut": cookie[:-1],
        "another user": f"{changed(user='root')}.{signature}",
        "no end": f"{changed(expires=9e12, idle_from=9e12)}.{signature}",
        "JWT with alg none": jwt("none", b"", claims),
        "JWT signed with the cookie's name": jwt("HS256", here.stack.seal.cookie.encode(), claims),
        "another key": SessionSeal(secrets.token_hex(32).encode()).seal(session),
        "a form's token": here.stack.person().form_token(f"{here.origin}/login"),
    }


def test_forged_session_is_refused_everywhere(here: Installation) -> None:
    for kind, value in forged(here).items():
        assert not any(here.accepts(here.stack.seal.cookie, value)), kind
    # A real session in another place is no session either.
    cookie = here.stack.signed_in(here.origin).session
    assert all(here.accepts(here.stack.seal.cookie, cookie))
    assert not any(here.accepts_token(cookie))
    for name in ("session", here.stack.seal.cookie.upper(), f"__Host-{here.stack.seal.cookie}"):
        assert not any(here.accepts(name, cookie)), name
    for path in (f"/api/session?{here.stack.seal.cookie}={cookie}", f"/api/session?token={cookie}"):
        assert here.stack.person().get(here.origin + path).status_code == 401


def test_credentials_of_another_installation_are_refused(
    two: tuple[Installation, Installation],
) -> None:
    here, there = two
    cookie, token = here.stack.signed_in(here.origin).session, here.stack.add_token("abroad", READ)
    assert all(here.accepts(here.stack.seal.cookie, cookie) + here.accepts_token(token))

    assert here.stack.seal.cookie != there.stack.seal.cookie
    for name in (here.stack.seal.cookie, there.stack.seal.cookie):
        assert not any(there.accepts(name, cookie)), name
    assert not any(there.accepts_token(token))


def test_session_of_another_installation_with_the_same_key_is_refused(
    two: tuple[Installation, Installation],
) -> None:
    # Given a second installation that is a copy of the first
    here, there = two
    twin = ClosedStack(there.stack.valkey, **{**here.stack.env, "REDIS_URL": there.stack.env["REDIS_URL"]})
    try:
        other = Installation(twin, twin.start_api(), [twin.start_replica()])
        cookie = here.stack.signed_in(here.origin).session
        assert all(here.accepts(here.stack.seal.cookie, cookie))
        # Then the generation in its Redis differs
        assert not any(other.accepts(here.stack.seal.cookie, cookie))
    finally:
        twin.close()
