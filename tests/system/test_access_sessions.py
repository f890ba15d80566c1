"""A session is good for every api and every replica, for as long as it lasts and not a moment longer."""

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

#: In which what is promised within two seconds must have happened on the busiest machine; what it took is printed.
PATIENCE_SECONDS = 15.0
IDLE_SECONDS, SESSION_SECONDS = 3600, 6000
#: By which the services' clock stands before or behind the end of a session, however slow the machine is meanwhile.
SPARE_SECONDS = 600


@dataclass
class Installation:
    """Two apis, and three replicas: a fast one, a plain one, and the one in the gateway."""

    stack: ClosedStack
    clock: SteppedClock
    apis: list[Rest] = field(default_factory=list)
    replicas: list[Rest] = field(default_factory=list)

    @property
    def everywhere(self) -> list[str]:
        """Where a browser may ask the api."""
        return [*(api.origin for api in self.apis), self.replicas[-1].origin]

    def sockets(self, *, cookie: str = "", token: str = "") -> list[RawClient]:
        """One socket on each replica, in every namespace."""
        return [self.stack.socket(replica, *NAMESPACES, cookie=cookie, token=token) for replica in self.replicas]

    def takes(self, person: Person) -> list[bool]:
        """Whether each api, the gateway and each replica let a session in."""
        return [
            *(person.is_known(origin) for origin in self.everywhere),
            *(self.stack.is_let_in(replica, cookie=person.cookie) for replica in self.replicas),
        ]

    def wait_until_refused(self, person: Person) -> None:
        """Wait until nothing lets a session in any more."""
        eventually(lambda: not any(self.takes(person)), within_seconds=PATIENCE_SECONDS, what="refused everywhere")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    clock = SteppedClock(tmp_path_factory.mktemp("clock"))
    with closed_stack(WS_DRAIN_SECONDS="0", **clock.env) as stack:
        found = Installation(stack, clock, apis=[stack.start_api(), stack.start_api()])
        found.replicas = [stack.start_replica(), stack.start_replica()]
        found.replicas.append(stack.start_gateway(found.apis[0]))
        yield found


def wait_for_the_end(clients: list[RawClient]) -> None:
    """Wait until each socket was told to sign in, and shown out, in every namespace."""
    for client in clients:
        assert '"code":"sign_in_required"' in client.event("error", len(NAMESPACES), within_seconds=PATIENCE_SECONDS)
        left = client.wait(lambda packet: packet.startswith("1"), len(NAMESPACES), within_seconds=PATIENCE_SECONDS)
        assert sorted(left) == sorted(["1", "1/health,", "1/monitoring,"])


def tell(what: str, began: float) -> None:
    print(f"{what}: {time.monotonic() - began:.2f} s")


def test_signing_out_at_one_api_ends_the_sockets_of_the_session_on_every_replica_and_no_others(
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
    # Who kept the cookie has nothing of it.
    leaving.session = copied
    installation.wait_until_refused(leaving)
    assert all(installation.takes(staying))
    assert not any(other.closed or other.payloads("error") for other in others)


def test_signing_out_still_holds_after_every_service_was_started_anew(installation: Installation) -> None:
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

    eventually(lambda: all(installation.takes(staying)), within_seconds=60, what="who stayed is let in")
    installation.wait_until_refused(leaving)


def flush(installation: Installation) -> None:
    redis = installation.stack.redis()
    redis.flushall()
    redis.close()


def kill(installation: Installation) -> None:
    installation.stack.valkey.stop()
    installation.stack.valkey.start()


@pytest.mark.parametrize("lose", [flush, kill])
def test_emptied_redis_revives_no_session_and_everybody_signs_in_again(
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

    # Whoever asks is told to sign in; nobody answers from what was valid before.
    eventually(
        lambda: not any(installation.takes(staying)) and not any(installation.takes(leaving)),
        within_seconds=60,
        what="refused everywhere",
    )
    wait_for_the_end(clients)
    tell(f"{lose.__name__}: all sockets had ended after", began)
    new = stack.signed_in(installation.apis[1])
    eventually(lambda: all(installation.takes(new)), within_seconds=PATIENCE_SECONDS, what="a new session")
    assert not any(installation.takes(leaving) + installation.takes(staying))


def test_nobody_who_signed_out_gets_in_and_nobody_signs_in_or_out_while_redis_is_away(
    installation: Installation,
) -> None:
    stack, origin = installation.stack, installation.apis[0].origin
    leaving, staying = stack.signed_in(installation.apis[0]), stack.signed_in(installation.apis[1])
    copied = leaving.session
    leaving.sign_out(origin)
    leaving.session = copied
    installation.wait_until_refused(leaving)
    assert all(installation.takes(staying))
    # A page before, a page with a form of ours: neither needs Redis later
    form = staying.form_token(f"{origin}/")

    stack.valkey.stop()
    try:
        assert not any(installation.takes(leaving))
        assert all(installation.takes(staying))
        assert stack.person().try_to_sign_in(origin, "ada", PASSWORD).status_code == 503
        kept = staying.session
        assert staying.post(f"{origin}/logout", {"csrf": form}).status_code == 503
        assert staying.session == kept
    finally:
        stack.valkey.start()
    eventually(lambda: not any(installation.takes(staying)), within_seconds=60, what="the new store's generation")


@pytest.mark.parametrize("command", ["remove", "password", "sign-out"])
def test_command_about_a_user_ends_his_sessions_and_sockets_everywhere(
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
    assert all(installation.takes(other))
    assert not any(client.closed or client.payloads("error") for client in others)
    # And who may sign in may do so at once.
    works = {"remove": [], "password": [new], "sign-out": [password]}[command]
    for tried in (password, new):
        answer = stack.person().try_to_sign_in(installation.apis[1].origin, name, tried)
        assert answer.status_code == (303 if tried in works else 401), tried


def test_removing_a_token_ends_its_sockets_and_requests_everywhere(installation: Installation) -> None:
    stack = installation.stack
    token, other = stack.add_token("leaving", READ), stack.add_token("staying", READ)
    clients = installation.sockets(token=token)
    others = installation.sockets(token=other)

    def statuses(shown: str) -> list[int]:
        # The gateway publishes no metrics.
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


def test_session_ends_in_the_middle_of_a_connection_when_it_is_unused_or_old(installation: Installation) -> None:
    # Given a session whose first cookie was renewed, and sockets that came with each of the two
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
    # When it was last used so long ago, as far as its first cookie knows
    clock.step(2 * SPARE_SECONDS)
    wait_for_the_end(first)
    # Then the first cookie is worth nothing, and the one that was renewed still is
    assert all(installation.takes(person))
    person.session = unused
    assert not any(installation.takes(person))
    # When it is nearly so old that no use prolongs it
    person.session = renewed
    clock.step(SESSION_SECONDS - IDLE_SECONDS - 2 * SPARE_SECONDS)
    assert person.is_known(api.origin)
    assert all(installation.takes(person))
    assert not any(client.closed or client.payloads("error") for client in second)
    # And when it is
    clock.step(2 * SPARE_SECONDS)
    wait_for_the_end(second)
    for cookie in {renewed, person.session}:
        person.session = cookie
        assert not any(installation.takes(person))
