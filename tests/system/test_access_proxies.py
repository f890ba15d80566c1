"""Headers about a request's client address and user count only from a trusted proxy."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.drivers.closed_stack import ClosedStack, closed_stack, port_of
from tests.drivers.process import Process
from tests.drivers.raw_http import ask, request
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

#: Addresses of an authenticating proxy that does not exist.
ELSEWHERE = "10.9.8.0/24"
HEADER = {"ACCESS_USER_HEADER": "Remote-User"}
_numbers = itertools.count()


@dataclass
class Api:
    """One api, called directly or through a gateway."""

    stack: ClosedStack
    rest: Rest
    process: Process

    def client_network(self, **headers: str) -> str:
        """Return the address of a failed sign-in in the log."""
        self.stack.forget_failures()
        name = f"probe{next(_numbers)}"
        person = self.stack.person(**headers)
        assert person.try_to_sign_in(self.rest.origin, name, "not it").status_code == 401
        found = eventually(lambda: re.search(rf"failed sign-in as '{name}' from (\S+)", self.process.log()))
        return found[1]

    def user_of(self, **headers: str) -> str | None:
        """Return the user of a request without credentials."""
        answer = self.stack.person(**headers).get(f"{self.rest.origin}/api/session")
        if answer.status_code == 401:
            return None
        found = answer.json()
        assert found["by"] == "proxy"
        assert found["scopes"] == ["read"]
        name: str = found["user"]
        return name

    def gives_secure_cookies(self, **headers: str) -> bool:
        """Whether it treats a request as encrypted."""
        (cookie,) = self.stack.person(**headers).get(f"{self.rest.origin}/login").raw.headers.getlist("Set-Cookie")
        return "; Secure" in cookie


@pytest.fixture(scope="module")
def stack() -> Iterator[ClosedStack]:
    with closed_stack() as stack:
        yield stack


def started(stack: ClosedStack, **env: str) -> Api:
    return Api(stack, stack.start_api(**env), stack.api)


@pytest.fixture(scope="module")
def elsewhere(stack: ClosedStack) -> Api:
    """An api that trusts a proxy at other addresses than this machine's."""
    return started(stack, TRUSTED_PROXIES=ELSEWHERE, **HEADER)


@pytest.fixture(scope="module")
def here(stack: ClosedStack) -> Api:
    """An api that trusts the addresses of this machine."""
    return started(stack, TRUSTED_PROXIES=f"127.0.0.1 {ELSEWHERE}", **HEADER)


def behind_gateway(stack: ClosedStack, proxies: str) -> Api:
    """Return an api and its gateway as in the local mode; both trust the same proxies."""
    behind = started(stack, TRUSTED_PROXIES=f"peer {proxies}", **HEADER)
    return Api(stack, stack.start_gateway(behind.rest, TRUSTED_PROXIES=proxies, **HEADER), behind.process)


@pytest.fixture(scope="module")
def gateway(stack: ClosedStack) -> Api:
    """The local mode with a proxy at other addresses."""
    return behind_gateway(stack, ELSEWHERE)


@pytest.fixture(scope="module")
def gateway_here(stack: ClosedStack) -> Api:
    """The local mode behind a proxy on this machine."""
    return behind_gateway(stack, "127.0.0.1")


#: Headers of a client that impersonates another one.
FORGED_HEADERS: list[dict[str, str]] = [
    {"X_Forwarded_For": "10.9.8.7"},
    {"X_Forwarded_For": "10.9.8.7, 127.0.0.1"},
    {"X_Forwarded_For": "127.0.0.1, 10.9.8.7"},
    {"X_Forwarded_For": "unknown"},
    {"X_Forwarded_For": "127.0.0.1" + ", 10.9.8.7" * 500},
    {"X_Real_IP": "10.9.8.7"},
    {"Forwarded": "for=10.9.8.7;proto=https"},
    {"Client_IP": "10.9.8.7"},
    {"X_Forwarded_Host": "127.0.0.1", "X_Forwarded_Scheme": "https", "X_Forwarded_Ssl": "on"},
]


@pytest.mark.parametrize("lie", FORGED_HEADERS, ids=lambda lie: str(lie)[:60])
@pytest.mark.parametrize("through", ["elsewhere", "gateway"])
def test_headers_of_an_untrusted_client_have_no_effect(
    request: pytest.FixtureRequest, through: str, lie: dict[str, str]
) -> None:
    asked: Api = request.getfixturevalue(through)
    assert asked.client_network(**lie) == "127.0.0.1"
    assert asked.user_of(**lie, Remote_User="ada") is None
    assert not asked.gives_secure_cookies(**lie, X_Forwarded_Proto="https")


@pytest.mark.parametrize("through", ["here", "gateway_here"])
def test_headers_of_a_trusted_proxy_set_address_and_user(request: pytest.FixtureRequest, through: str) -> None:
    asked: Api = request.getfixturevalue(through)
    assert asked.user_of(Remote_User="grace") == "grace"
    assert asked.user_of(Remote_User="grace", X_Forwarded_For="198.51.100.7") == "grace"
    assert asked.client_network(X_Forwarded_For="198.51.100.7") == "198.51.100.7"
    assert asked.gives_secure_cookies(X_Forwarded_Proto="https")
    assert asked.user_of(X_Forwarded_For="198.51.100.7") is None
    for name in ("a b", "ada,root", "../ada", "ada;root", "\xe4", "a" * 200):
        assert asked.user_of(Remote_User=name) is None, name
    for other in ("Remote", "X_Remote_User", "X_Forwarded_User"):
        assert asked.user_of(**{other: "grace"}) is None


def test_similar_header_names_are_no_headers_of_the_proxy(here: Api, stack: ClosedStack) -> None:
    replica = stack.start_replica(TRUSTED_PROXIES="127.0.0.1", **HEADER)
    assert stack.is_let_in(replica, lines=["remote-user: ada"])
    for line in ("Remote_User: ada", "REMOTE_USER: ada", "X-Remote-User: ada", "HTTP-Remote-User: ada"):
        assert not stack.is_let_in(replica, lines=[line]), line
        assert ask(port_of(here.rest), request("GET", "/api/session", line)).status == 401, line
    for line in ("Remote-User : ada", "X: y\rRemote-User: ada", "X: y\r\n Remote-User: ada", " Remote-User: ada"):
        for port in (port_of(here.rest), port_of(replica)):
            assert ask(port, request("GET", "/api/session", line)).status in (400, 401), line
