"""A session is valid at every api and every replica until it ends."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from access.grant import READ
from contract.events import NAMESPACES
from tests.drivers.closed_stack import PASSWORD, ClosedStack, closed_stack
from tests.drivers.person import Person
from tests.drivers.process import Process
from tests.drivers.raw_client import RawClient
from tests.drivers.rest import Rest
from tests.drivers.stepped_clock import SteppedClock
from tests.drivers.waiting import eventually

#: Limit on a busy machine for what is promised within two seconds; the test prints the duration.
PATIENCE_SECONDS = 15.0
IDLE_SECONDS, SESSION_SECONDS = 3600, 6000
#: Distance of the services' clock from the end of a session, larger than any delay of the machine.
SPARE_SECONDS = 600


@dataclass
class Installation:
    """Two apis and three replicas, one of them in the gateway."""

    stack: ClosedStack
    clock: SteppedClock
    apis: list[Rest] = field(default_factory=list)
    replicas: list[Rest] = field(default_factory=list)

    @property
    def everywhere(self) -> list[str]:
        """The origins of the api."""
        return [*(api.origin for api in self.apis), self.replicas[-1].origin]

    def sockets(self, *, cookie: str = "", token: str = "") -> list[RawClient]:
        """Open one socket on each replica, in every namespace."""
        return [self.stack.socket(replica, *NAMESPACES, cookie=cookie, token=token) for replica in self.replicas]

    def accepts(self, person: Person) -> list[bool]:
        """Whether each api, the gateway and each replica accept a session."""
        return [
            *(person.is_known(origin) for origin in self.everywhere),
            *(self.stack.is_let_in(replica, cookie=person.cookie) for replica in self.replicas),
        ]

    def wait_until_refused(self, person: Person) -> None:
        """Wait until all services refuse a session."""
        eventually(lambda: not any(self.accepts(person)), within_seconds=PATIENCE_SECONDS, what="refused everywhere")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    clock = SteppedClock(tmp_path_factory.mktemp("clock"))
    with closed_stack(WS_DRAIN_SECONDS="0", **clock.env) as stack:
        found = Installation(stack, clock, apis=[stack.start_api(), stack.start_api()])
        found.replicas = [stack.start_replica(), stack.start_replica()]
        found.replicas.append(stack.start_gateway(found.apis[0]))
        yield found


def wait_for_the_end(clients: list[RawClient]) -> None:
    """Wait until each socket was asked to sign in and disconnected, in every namespace."""
    for client in clients:
        assert '"code":"sign_in_required"' in client.event("error", len(NAMESPACES), within_seconds=PATIENCE_SECONDS)
        left = client.wait(lambda packet: packet.startswith("1"), len(NAMESPACES), within_seconds=PATIENCE_SECONDS)
        assert sorted(left) == sorted(["1", "1/health,", "1/monitoring,"])


def tell(what: str, began: float) -> None:
    print(f"{what}: {time.monotonic() - began:.2f} s")


def test_sign_out_at_one_api_closes_only_the_sockets_of_the_session_on_every_replica(
    installation: Installation,
) -> None:
    stack = installation.stack
    leaving, staying = stack.signed_in(installation.apis[0]), stack.signed_in(installation.apis[0])
    copied = leaving.session
    clients = installation.sockets(cookie=leaving.cookie)
    others = installation.sockets(cookie=staying.cookie)

    began = time.monotonic()
    leaving.sign_out(installation.apis[1].origin)
    wait_for_the_end(clients)

    tell("signing out ended all sockets of three replicas after", began)
    assert leaving.session == ""
    # A copy of the cookie is invalid too.
    leaving.session = copied
    installation.wait_until_refused(leaving)
    assert all(installation.accepts(staying))
    assert not any(other.closed or other.payloads("error") for other in others)


def test_sign_out_is_still_effective_after_a_restart_of_all_services(installation: Installation) -> None:
    stack = installation.stack
    leaving, staying = stack.signed_in(installation.apis[0]), stack.signed_in(installation.apis[1])
    copied = leaving.session
    leaving.sign_out(installation.apis[1].origin)
    leaving.session = copied

    def restart(process: Process) -> None:
        process.stop()
        process.start()

    with ThreadPoolExecutor(len(stack.processes)) as threads:
        list(threads.map(restart, stack.processes))
    for rest in [*installation.apis, *installation.replicas[:2]]:
        eventually(lambda rest=rest: rest.status("/readyz") == 200, within_seconds=60, what="ready")  # type: ignore[misc]

    eventually(lambda: all(installation.accepts(staying)), within_seconds=60, what="the remaining session is accepted")
    installation.wait_until_refused(leaving)


def flush(installation: Installation) -> None:
    redis = installation.stack.redis()
    redis.flushall()
    redis.close()


def kill(installation: Installation) -> None:
    installation.stack.valkey.stop()
    installation.stack.valkey.start()


@pytest.mark.parametrize("lose", [flush, kill])
def test_emptied_redis_makes_no_session_valid_and_users_sign_in_again(
    installation: Installation, lose: Callable[[Installation], None]
) -> None:
    stack = installation.stack
    leaving, staying = stack.signed_in(installation.apis[0]), stack.signed_in(installation.apis[1])
    copied = leaving.session
    leaving.sign_out(installation.apis[0].origin)
    leaving.session = copied
    installation.wait_until_refused(leaving)
    clients = installation.sockets(cookie=staying.cookie)

    began = time.monotonic()
    lose(installation)

    # Requests are refused; no service uses its earlier knowledge.
    eventually(
        lambda: not any(installation.accepts(staying)) and not any(installation.accepts(leaving)),
        within_seconds=60,
        what="refused everywhere",
    )
    wait_for_the_end(clients)
    tell(f"{lose.__name__}: all sockets had ended after", began)
    new = stack.signed_in(installation.apis[1])
    eventually(lambda: all(installation.accepts(new)), within_seconds=PATIENCE_SECONDS, what="a new session")
    assert not any(installation.accepts(leaving) + installation.accepts(staying))


def test_revoked_session_stays_refused_and_no_user_signs_in_or_out_while_redis_is_away(
    installation: Installation,
) -> None:
    stack, origin = installation.stack, installation.apis[0].origin
    leaving, staying = stack.signed_in(installation.apis[0]), stack.signed_in(installation.apis[1])
    copied = leaving.session
    leaving.sign_out(origin)
    leaving.session = copied
    installation.wait_until_refused(leaving)
    assert all(installation.accepts(staying))
    # The pages were loaded before: neither needs Redis later
    form = staying.form_token(f"{origin}/")

    stack.valkey.stop()
    try:
        assert not any(installation.accepts(leaving))
        assert all(installation.accepts(staying))
        assert stack.person().try_to_sign_in(origin, "ada", PASSWORD).status_code == 503
        kept = staying.session
        assert staying.post(f"{origin}/logout", {"csrf": form}).status_code == 503
        assert staying.session == kept
    finally:
        stack.valkey.start()
    eventually(lambda: not any(installation.accepts(staying)), within_seconds=60, what="the new store's generation")


@pytest.mark.parametrize("command", ["remove", "password", "sign-out"])
def test_command_about_a_user_ends_the_users_sessions_and_sockets_everywhere(
    installation: Installation, command: str
) -> None:
    stack, name, password = installation.stack, f"eve-{command}", "another few words"
    stack.add_user(name, password)
    hers, other = stack.signed_in(installation.apis[0], name, password), stack.signed_in(installation.apis[0])
    clients = installation.sockets(cookie=hers.cookie)
    others = installation.sockets(cookie=other.cookie)

    new = "quite another password"
    stack.secrets.add(new)
    began = time.monotonic()
    stack.command("user", command, name, input_text=f"{new}\n" if command == "password" else "")
    wait_for_the_end(clients)

    tell(f"user {command}, its own start included, ended all sockets after", began)
    installation.wait_until_refused(hers)
    assert all(installation.accepts(other))
    assert not any(client.closed or client.payloads("error") for client in others)
    # And a permitted user can sign in immediately.
    works = {"remove": [], "password": [new], "sign-out": [password]}[command]
    for tried in (password, new):
        answer = stack.person().try_to_sign_in(installation.apis[1].origin, name, tried)
        assert answer.status_code == (303 if tried in works else 401), tried


def test_removing_a_token_closes_its_sockets_and_refuses_its_requests_everywhere(installation: Installation) -> None:
    stack = installation.stack
    token, other = stack.add_token("leaving", READ), stack.add_token("staying", READ)
    clients = installation.sockets(token=token)
    others = installation.sockets(token=other)

    def statuses(shown: str) -> list[int]:
        # The gateway has no metrics.
        of_replicas = [f"{replica.origin}/metrics" for replica in installation.replicas[:-1]]
        asked = [*(f"{origin}/api/session" for origin in installation.everywhere), *of_replicas]
        return [stack.person(Authorization=f"Bearer {shown}").get(page).status_code for page in asked]

    assert statuses(token) == [200] * 5
    began = time.monotonic()
    stack.command("token", "remove", "leaving")
    wait_for_the_end(clients)

    tell("token remove, its own start included, ended all sockets after", began)
    eventually(lambda: statuses(token) == [401] * 5, within_seconds=PATIENCE_SECONDS, what="the token refused")
    assert statuses(other) == [200] * 5
    assert not any(stack.is_let_in(replica, token=token) for replica in installation.replicas)
    assert all(stack.is_let_in(replica, token=other) for replica in installation.replicas)
    assert not any(client.closed or client.payloads("error") for client in others)


def test_session_ends_during_a_connection_when_it_is_unused_or_old(installation: Installation) -> None:
    # Given a session with a renewed cookie, and sockets with each of the two cookies
    stack, clock = installation.stack, installation.clock
    api = stack.start_api(ACCESS_IDLE_SECONDS=str(IDLE_SECONDS), ACCESS_SESSION_SECONDS=str(SESSION_SECONDS))
    person = stack.signed_in(api)
    unused = person.session
    first = installation.sockets(cookie=person.cookie)
    clock.step(IDLE_SECONDS - SPARE_SECONDS)
    assert person.is_known(api.origin)
    renewed = person.session
    assert renewed != unused
    stack.secrets.add(renewed)
    second = installation.sockets(cookie=person.cookie)
    assert not any(client.closed or client.payloads("error") for client in first)
    # When the last use is too long ago according to the first cookie
    clock.step(2 * SPARE_SECONDS)
    wait_for_the_end(first)
    # Then the first cookie is invalid, and the renewed one is valid
    assert all(installation.accepts(person))
    person.session = unused
    assert not any(installation.accepts(person))
    # When it is so old that no use prolongs it
    person.session = renewed
    clock.step(SESSION_SECONDS - IDLE_SECONDS - 2 * SPARE_SECONDS)
    assert person.is_known(api.origin)
    assert all(installation.accepts(person))
    assert not any(client.closed or client.payloads("error") for client in second)
    # And when it is too old
    clock.step(2 * SPARE_SECONDS)
    wait_for_the_end(second)
    for cookie in {renewed, person.session}:
        person.session = cookie
        assert not any(installation.accepts(person))
