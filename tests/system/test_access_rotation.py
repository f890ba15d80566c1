"""A new key or token replaces the previous one while people and programs are connected."""

from collections.abc import Iterator

import pytest

from access.session import SessionSeal
from tests.drivers.closed_stack import PASSWORD
from tests.drivers.person import Person
from tests.drivers.raw_client import RawClient
from tests.drivers.stepped_clock import SteppedClock
from tests.drivers.waiting import eventually
from tests.system.test_access_sessions import Installation, closed_stack, wait_for_the_end

PATIENCE_SECONDS = 60.0


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    clock = SteppedClock(tmp_path_factory.mktemp("clock"))
    with closed_stack(WS_DRAIN_SECONDS="0", **clock.env) as stack:
        found = Installation(stack, clock, apis=[stack.start_api(), stack.start_api()])
        found.replicas = [stack.start_replica(), stack.start_replica()]
        found.replicas.append(stack.start_gateway(found.apis[0]))
        yield found


def rotate_key(installation: Installation, *options: str) -> Person:
    """Replace the key; return a browser that uses the new key's cookie name."""
    stack = installation.stack
    stack.command("access", "rotate-key", *options)
    key = stack.key_file.read_text().strip()
    stack.secrets.add(key)
    stack.seal = SessionSeal(key.encode())
    return stack.person()


def are_untouched(clients: list[RawClient]) -> bool:
    return not any(client.closed or client.payloads("error") for client in clients)


def test_users_stay_signed_in_and_connected_when_the_key_is_replaced(installation: Installation) -> None:
    # given
    stack = installation.stack
    here, away = stack.signed_in(installation.apis[0]), stack.signed_in(installation.apis[1])
    clients = installation.sockets(cookie=here.cookie)
    session = stack.seal.open(here.session)
    # when
    newcomer = rotate_key(installation)
    # then: all services know the new key before the first cookie is signed with it
    early = stack.person()
    early.session = stack.seal.seal(session)
    eventually(lambda: all(installation.accepts(early)), within_seconds=PATIENCE_SECONDS, what="the new key is known")
    assert all(installation.accepts(here))
    # when
    installation.clock.step(11)
    eventually(
        lambda: newcomer.get(f"{installation.apis[0].origin}/login").cookies.get(f"{stack.seal.cookie}-form"),
        within_seconds=PATIENCE_SECONDS,
        what="the new key signs",
    )
    # then: sessions of both keys are valid everywhere
    newcomer.sign_in(installation.apis[0].origin, "ada", PASSWORD)
    assert all(installation.accepts(newcomer))
    assert all(installation.accepts(here))
    # and: a session in use is signed with the new key, so that it outlives the previous key
    copy = stack.person()
    copy.session = here.cookies.get(stack.seal.cookie, "")
    assert copy.session
    assert all(installation.accepts(copy))
    assert all(installation.accepts(away))
    assert are_untouched(clients)
    # and: both cookies are one session, and signing out ends both
    here.sign_out(installation.apis[0].origin)
    wait_for_the_end(clients)
    installation.wait_until_refused(copy)
    assert all(installation.accepts(newcomer))
    # when: the longest session of the previous key is over
    installation.clock.step(604800)
    installation.wait_until_refused(away)


def test_stolen_key_is_invalid_immediately(installation: Installation) -> None:
    # given
    stack = installation.stack
    person, thief = stack.signed_in(installation.apis[0]), stack.signed_in(installation.apis[0])
    clients = installation.sockets(cookie=person.cookie)
    stolen = SessionSeal(stack.key_file.read_bytes())
    # when
    newcomer = rotate_key(installation, "--now")
    # then
    wait_for_the_end(clients)
    installation.wait_until_refused(person)
    newcomer.sign_in(installation.apis[1].origin, "ada", PASSWORD)
    eventually(
        lambda: all(installation.accepts(newcomer)), within_seconds=PATIENCE_SECONDS, what="the new key is known"
    )
    # and: a session that the thief signs with the current generation
    forged = stolen.seal(stack.seal.open(newcomer.session))
    thief.session = forged
    assert not any(installation.accepts(thief))


def test_program_stays_connected_and_has_a_day_to_change_its_token(installation: Installation) -> None:
    # given
    stack = installation.stack
    previous = stack.add_token("backup", "read")
    clients = installation.sockets(token=previous)
    # when
    new = stack.command("token", "rotate", "backup").strip()
    stack.secrets.add(new)
    # then
    for token in (previous, new):
        assert all(stack.is_let_in(replica, token=token) for replica in installation.replicas)
        assert all(
            api.get("/api/session", Authorization=f"Bearer {token}").status_code == 200 for api in installation.apis
        )
    assert are_untouched(clients)
    # when: the day is over
    installation.clock.step(24 * 3600 + 1)
    # then
    wait_for_the_end(clients)
    assert not any(stack.is_let_in(replica, token=previous) for replica in installation.replicas)
    assert all(stack.is_let_in(replica, token=new) for replica in installation.replicas)
