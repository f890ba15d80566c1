"""What was revoked stays so, whatever comes in which order."""

from contract.access.grant import READ, Grant
from contract.access.revocations import Revocations, revocation_of, revocation_of_user

GENERATION = "g"


def session(id_: str = "s", *, user: str = "ada", issued: float = 100.0, generation: str = GENERATION) -> Grant:
    return Grant("session", user, frozenset((READ,)), id_, issued, 1e9, generation)


def token(id_: str = "t") -> Grant:
    return Grant("token", "ada", frozenset((READ,)), id_, 100.0, float("inf"))


def loaded(*members: str) -> Revocations:
    revocations = Revocations()
    revocations.load(GENERATION, members)
    return revocations


def test_no_session_is_valid_before_the_store_was_read() -> None:
    assert Revocations().includes(session())
    assert not loaded().includes(session())


def test_no_session_of_another_store_is_valid() -> None:
    assert loaded().includes(session(generation="other"))
    assert loaded().includes(session(generation=""))
    emptied = loaded()
    emptied.load(None, [])
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


def test_what_was_told_is_not_forgotten_when_an_older_reading_arrives() -> None:
    revocations = loaded()
    revocations.add(revocation_of(session()))

    revocations.load(GENERATION, [])

    assert revocations.includes(session())


def test_revoked_token_stays_so_when_the_store_was_emptied() -> None:
    revocations = loaded(revocation_of(token()))

    revocations.load("another", [])

    assert revocations.includes(token())


def test_version_changes_with_what_is_revoked_alone() -> None:
    revocations = loaded(revocation_of(session()), revocation_of_user("ada", 5.0))
    seen = [revocations.version]

    revocations.load(GENERATION, [revocation_of(session()), revocation_of_user("ada", 4.0)])
    assert revocations.version == seen[-1]
    for change in (revocation_of(session("s2")), revocation_of_user("ada", 6.0)):
        revocations.add(change)
        seen.append(revocations.version)
    revocations.load(None, [])
    seen.append(revocations.version)

    assert len(set(seen)) == len(seen)


def test_nonsense_in_the_store_revokes_nothing() -> None:
    revocations = loaded("", "user:ada", "user:ada@x", "user:@", "session", "nonsense:s")

    assert not revocations.includes(session())
