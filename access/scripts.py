"""The Lua scripts of access control, their arguments and their replies, as in ``contract.scripts``."""

import hashlib
from typing import Final, NamedTuple

from access.proxies import client_network
from access.revocations import parse_revocation
from contract.library import Script
from contract.names import REVOCATION_IDS_KEY, REVOCATION_LOG_KEY, REVOCATIONS_KEY, REVOKED_CHANNEL, delay_key
from contract.scripts import Call

ATTEMPT_SIGN_IN: Final = Script("attempt_sign_in")
FORGIVE_SIGN_IN: Final = Script("forgive_sign_in")
REVOKE: Final = Script("revoke")


class Backoff(NamedTuple):
    """Exponential back-off: ``free`` attempts without a pause, then pauses of 1 s, 2 s, 4 s, …."""

    free: int
    #: Longest pause.
    longest_seconds: int


#: For one user name from one address: slows a guesser down without affecting other people.
PAIR_BACKOFF: Final = Backoff(5, 300)
#: For all user names from one address. Its pauses are short, because many people may share the address.
ADDRESS_BACKOFF: Final = Backoff(20, 5)
#: For one user name from all addresses. One guessing address takes an hour to reach this limit.
USER_BACKOFF: Final = Backoff(20, 30)
#: For a browser in which the user has signed in before. It replaces the three limits above.
DEVICE_BACKOFF: Final = Backoff(5, 60)
#: For successful sign-ins of one browser, or of one user where the browser is unknown.
SUCCESS_BACKOFF: Final = Backoff(100, 10)
#: Seconds after the last attempt until the attempts are forgotten.
ATTEMPTS_KEPT_SECONDS: Final = 3600
#: Seconds from the expiry of a grant to the removal of its revocation. The margin covers differences between clocks.
REMOVAL_DELAY_SECONDS: Final = 3600
#: Entries of the log that each new revocation checks for expiry.
REMOVAL_CHECK_LENGTH: Final = 16

#: Hexadecimal digits of the digest that identifies a user, an address or a browser.
_DIGITS: Final = 32

#: Arguments with which ``ATTEMPT_SIGN_IN`` checks and counts nothing, and replies 0.
NO_ATTEMPT: Final[Call] = ([], [0, 0, 0])


def attempt_sign_in_call(user: str, address: str, device: str = "") -> Call:
    """Arguments of ``ATTEMPT_SIGN_IN``.

    Args:
        user: the user name as typed.
        address: the client's address.
        device: id of the browser if the user has signed in there before; empty otherwise.
    """
    backoffs = (DEVICE_BACKOFF,) if device else (PAIR_BACKOFF, ADDRESS_BACKOFF, USER_BACKOFF)
    restarts_pause = 0 if device else 1
    numbers = [
        number for backoff in (*backoffs, SUCCESS_BACKOFF) for number in (backoff.free, backoff.longest_seconds * 1000)
    ]
    return _delay_keys(user, address, device), [ATTEMPTS_KEPT_SECONDS * 1000, len(backoffs), restarts_pause, *numbers]


def attempt_sign_in_reply(raw: int) -> float:
    """Return the seconds until the next attempt is allowed; 0.0 if this attempt was counted."""
    return raw / 1000


def forgive_sign_in_call(user: str, address: str, device: str = "") -> Call:
    """Arguments of ``FORGIVE_SIGN_IN``, the same as those of the attempt."""
    return _delay_keys(user, address, device), [ATTEMPTS_KEPT_SECONDS * 1000]


def revoke_call(member: str, until: float, now: float, old_member: str | None = None) -> Call:
    """Arguments of ``REVOKE``.

    Args:
        member: the revocation in the text form of ``access.revocations``.
        until: Unix time at which the revoked grants expire.
        now: Unix time.
        old_member: the text form for release 0.1.1, if it differs.
    """
    subject, _ = parse_revocation(member)
    before = member[len(subject) + 1 :]
    keys = [REVOCATION_LOG_KEY, REVOCATION_IDS_KEY, REVOCATIONS_KEY]
    forget = f"{now - REMOVAL_DELAY_SECONDS:.3f}"
    old = member if old_member is None else old_member
    return keys, [subject, before, f"{until:.3f}", forget, REMOVAL_CHECK_LENGTH, REVOKED_CHANNEL, member, old]


def _delay_keys(user: str, address: str, device: str) -> list[str]:
    name, source = user.lower(), client_network(address)
    if device:
        return [_delay_key("device", device, name), _delay_key("success", device, name)]
    return [
        _delay_key("pair", source, name),
        _delay_key("address", source),
        _delay_key("user", name),
        _delay_key("success", name),
    ]


def _delay_key(kind: str, *of: str) -> str:
    text = "\n".join(of)
    return delay_key(kind, hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS])
