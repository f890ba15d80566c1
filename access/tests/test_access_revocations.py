"""What was revoked stays so, whatever comes in which order."""

import pytest

from access.grant import READ, Grant
from access.revocations import (
    EXPIRY_CHECK_SECONDS,
    Revocations,
    revocation_of,
    revocation_of_device,
    revocation_of_user,
)

GENERATION = "g"


def session(id_: str = "s", *, user: str = "ada", issued: float = 100.0, generation: str = GENERATION) -> Grant:
    return Grant("session", user, frozenset((READ,)), id_, issued, 1e9, generation)


def token(id_: str = "t") -> Grant:
    return Grant("token", "ada", frozenset((READ,)), id_, 100.0, float("inf"))


def loaded(*members: str) -> Revocations:
    revocations = Revocations()
    for member in members:
        revocations.add(member)
    revocations.finish_loading(GENERATION)
    return revocations


def test_no_session_is_valid_before_the_store_was_read() -> None:
    assert Revocations().includes(session())
    assert not loaded().includes(session())


def test_no_session_of_another_store_is_valid() -> None:
    assert loaded().includes(session(generation="other"))
    assert loaded().includes(session(generation=""))
    emptied = loaded()
    emptied.finish_loading(None)
    assert emptied.includes(session())
    assert emptied.includes(session(generation=""))


def test_one_session_or_token_is_revoked_and_no_other() -> None:
    revocations = loaded(revocation_of(session()))
    revocations.add(revocation_of(token()))

    assert revocations.includes(session())
    assert not revocations.includes(session("s2"))
    assert revocations.includes(token())
    assert not revocations.includes(token("t2"))
    assert not loaded(revocation_of(session("x"))).includes(token("x"))


def test_all_of_a_user_from_before_a_moment_is_revoked() -> None:
    revocations = loaded(revocation_of_user("ada", 150.0), revocation_of_user("ada", 120.0))

    assert revocations.includes(session(issued=149.999))
    assert not revocations.includes(session(issued=150.0))
    assert not revocations.includes(session(user="bob"))
    # A token of that name is another's.
    assert not revocations.includes(token())


def test_user_named_like_a_mail_address_is_revoked() -> None:
    revocations = loaded(revocation_of_user("ada@example.org", 150.0))

    assert revocations.includes(session(user="ada@example.org"))
    assert not revocations.includes(session(user="ada"))


def test_announced_revocation_stays_when_an_older_read_finishes() -> None:
    revocations = loaded()
    revocations.add(revocation_of(session()))

    revocations.finish_loading(GENERATION)

    assert revocations.includes(session())


def test_revoked_token_stays_so_when_the_store_was_emptied() -> None:
    revocations = loaded(revocation_of(token()))

    revocations.finish_loading("another")

    assert revocations.includes(token())


def test_version_changes_only_with_new_revocations() -> None:
    revocations = loaded(revocation_of(session()), revocation_of_user("ada", 5.0))
    seen = [revocations.version]

    revocations.add(revocation_of(session()))
    revocations.add(revocation_of_user("ada", 4.0))
    revocations.finish_loading(GENERATION)
    assert revocations.version == seen[-1]
    for change in (revocation_of(session("s2")), revocation_of_user("ada", 6.0)):
        revocations.add(change)
        seen.append(revocations.version)
    revocations.finish_loading(None)
    seen.append(revocations.version)

    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    "member",
    ["", "user:ada", "user:ada@x", "user:@5", "user:ada@nan", "user:ada@inf", "session", "session:", "other:s"],
)
def test_nonsense_is_refused_and_revokes_nothing(member: str) -> None:
    revocations = loaded()

    with pytest.raises(ValueError):
        revocations.add(member)

    assert len(revocations) == 0
    assert not revocations.includes(session())


def test_all_sessions_of_a_browser_from_before_a_moment_are_revoked() -> None:
    moment = 1_795_426_867.1234567
    revocations = loaded(revocation_of_device("d", moment))

    assert revocations.includes(session("d.1", issued=moment - 1e-6))
    # The one that began at that moment, to the last bit, is the one that replaces them.
    assert not revocations.includes(session("d.2", issued=moment))
    assert not revocations.includes(session("e.1", issued=1.0))
    # A session that 0.1.1 began is of no browser.
    assert not revocations.includes(session("d", issued=1.0))


def test_revocation_is_forgotten_after_its_use_and_not_before() -> None:
    # given: the second was told without its end, which was read later
    now = [1000.0]
    revocations = Revocations(lambda: now[0])
    revocations.add("session:a", 2000.0)
    revocations.add("session:b")
    revocations.add("session:b", 2000.0)
    revocations.add("session:b")
    revocations.add("session:c", 50_000.0)
    for seconds, left in ((2000.0 + EXPIRY_CHECK_SECONDS - 1, 3), (2000.0 + 2 * EXPIRY_CHECK_SECONDS, 1)):
        # when
        now[0] = seconds
        revocations.finish_loading(GENERATION)
        # then
        assert len(revocations) == left
    assert revocations.includes(session("c"))


def test_session_of_the_same_millisecond_is_revoked_with_its_user() -> None:
    revocations = loaded(revocation_of_user("ada", 1_796_042_348.4152))

    assert revocations.includes(session(issued=1_796_042_348.4150927))
