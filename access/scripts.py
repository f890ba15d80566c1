"""The Lua scripts of access: their texts, their arguments and their answers, as in ``contract.scripts``."""

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
    """How fast something may be tried: so often at once, then after a pause of a second, and each is twice the last."""

    free: int
    #: Seconds of the longest pause.
    longest_seconds: int


#: Of one user from one address: who goes on guessing is held up here, and nobody else with him.
PAIR_BACKOFF: Final = Backoff(5, 300)
#: Of all users together from one address. Short: many people may be behind it.
ADDRESS_BACKOFF: Final = Backoff(20, 5)
#: Of one user from all addresses together. One address that guesses does not get here before an hour.
USER_BACKOFF: Final = Backoff(20, 30)
#: Of a browser in which the user has signed in before; nothing else is counted or waited for then.
DEVICE_BACKOFF: Final = Backoff(5, 60)
#: Of what succeeds, of one browser or, where it is not known, one user.
SUCCESS_BACKOFF: Final = Backoff(100, 10)
#: Seconds after the last attempt for which one counts as having tried before.
DELAY_KEPT_SECONDS: Final = 3600
#: Seconds for which a revocation outlives its use: clocks differ.
FORGET_LATE_SECONDS: Final = 3600
#: Entries of the log that each revocation looks at, whether they are of use still.
FORGET_LOOKED_AT: Final = 16

#: Hexadecimal digits by which a user, an address or a browser is known.
_DIGITS: Final = 32

#: Arguments with which ``ATTEMPT_SIGN_IN`` looks at no delay, counts nothing, and answers 0.
NO_ATTEMPT: Final[Call] = ([], [0, 0, 0])


def attempt_sign_in_call(user: str, address: str, device: str = "") -> Call:
    """Arguments of ``ATTEMPT_SIGN_IN``.

    Args:
        user: the name as it was typed.
        address: as it is known.
        device: id of the browser, where the user has signed in there before.
    """
    paces = (DEVICE_BACKOFF,) if device else (PAIR_BACKOFF, ADDRESS_BACKOFF, USER_BACKOFF)
    anew = 0 if device else 1
    numbers = [number for pace in (*paces, SUCCESS_BACKOFF) for number in (pace.free, pace.longest_seconds * 1000)]
    return _delay_keys(user, address, device), [DELAY_KEPT_SECONDS * 1000, len(paces), anew, *numbers]


def attempt_sign_in_reply(raw: int) -> float:
    """Read the answer of ``ATTEMPT_SIGN_IN``: the seconds until one may try again, 0.0 where this one counts."""
    return raw / 1000


def forgive_sign_in_call(user: str, address: str, device: str = "") -> Call:
    """Arguments of ``FORGIVE_SIGN_IN``, the same as of the attempt."""
    return _delay_keys(user, address, device), [DELAY_KEPT_SECONDS * 1000]


def revoke_call(member: str, until: float, now: float, former: str | None = None) -> Call:
    """Arguments of ``REVOKE``.

    Args:
        member: what is revoked, as ``access.revocations`` writes it.
        until: Unix time from which it would not be valid anyway.
        now: Unix time.
        former: what is revoked in words that 0.1.1 reads, where these are others.
    """
    subject, _ = parse_revocation(member)
    before = member[len(subject) + 1 :]
    keys = [REVOCATION_LOG_KEY, REVOCATION_IDS_KEY, REVOCATIONS_KEY]
    forget = f"{now - FORGET_LATE_SECONDS:.3f}"
    told = member if former is None else former
    return keys, [subject, before, f"{until:.3f}", forget, FORGET_LOOKED_AT, REVOKED_CHANNEL, member, told]


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
