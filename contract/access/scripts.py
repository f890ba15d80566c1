"""The Lua scripts of access: their texts, their arguments and their answers, as in ``contract.scripts``."""

import hashlib
from typing import Final

from contract.access.proxies import counted_as
from contract.names import REVOCATIONS_KEY, REVOKED_CHANNEL, delay_key
from contract.scripts import Call, script_text

ATTEMPT_SIGN_IN: Final = script_text("attempt_sign_in")
FORGIVE_SIGN_IN: Final = script_text("forgive_sign_in")
REVOKE: Final = script_text("revoke")

#: Attempts to sign in that a user, and an address, have before they must wait.
USER_FREE: Final = 5
ADDRESS_FREE: Final = 20
#: Seconds of the longest pause; the first is a second, and each is twice the one before.
USER_LONGEST_SECONDS: Final = 60
ADDRESS_LONGEST_SECONDS: Final = 300
#: Seconds after the last attempt for which one counts as having tried before.
DELAY_KEPT_SECONDS: Final = 3600
#: Seconds for which a revocation outlives its use: clocks differ.
FORGET_LATE_SECONDS: Final = 3600

#: Hexadecimal digits by which a user or an address is known.
_DIGITS: Final = 32


def attempt_sign_in_call(user: str, address: str) -> Call:
    """Arguments of ``ATTEMPT_SIGN_IN`` for a name as it was typed, and an address as it is known."""
    return _delay_keys(user, address), [
        DELAY_KEPT_SECONDS * 1000,
        USER_FREE,
        USER_LONGEST_SECONDS * 1000,
        ADDRESS_FREE,
        ADDRESS_LONGEST_SECONDS * 1000,
    ]


def attempt_sign_in_answer(raw: int) -> float:
    """Read the answer of ``ATTEMPT_SIGN_IN``: the seconds until one may try again, 0.0 where this one counts."""
    return raw / 1000


def forgive_sign_in_call(user: str, address: str) -> Call:
    """Arguments of ``FORGIVE_SIGN_IN``, the same as of the attempt."""
    return _delay_keys(user, address), []


def revoke_call(member: str, until: float, now: float) -> Call:
    """Arguments of ``REVOKE``: what is revoked, and from which Unix time on it would not be valid anyway."""
    return [REVOCATIONS_KEY], [member, f"{until:.3f}", f"{now - FORGET_LATE_SECONDS:.3f}", REVOKED_CHANNEL]


def _delay_keys(user: str, address: str) -> list[str]:
    return [delay_key("user", _digest(user.lower())), delay_key("address", _digest(counted_as(address)))]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
