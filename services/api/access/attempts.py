"""Attempts to sign in, counted in Redis, so that all api processes together let nobody guess fast."""

from access.scripts import (
    ATTEMPT_SIGN_IN,
    FORGIVE_SIGN_IN,
    attempt_sign_in_answer,
    attempt_sign_in_call,
    forgive_sign_in_call,
)
from api.link import RedisLink
from runtime.redis_failures import RedisFailure


class Attempts:
    """Counts them by user and address, or by a browser in which the user has signed in before."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def count(self, user: str, address: str, device: str) -> float:
        """Count an attempt, before the password is looked at: parallel guesses do not slip through.

        Args:
            user: the name as it was typed.
            address: as it is known.
            device: id of the browser, where the user has signed in there before; else empty.

        Returns:
            0.0, or the seconds that must pass before the next; the attempt is not counted then, nor is it one.

        Raises:
            RedisAway: it cannot be counted.
            RedisRefused: likewise.
        """
        arguments = attempt_sign_in_call(user, address, device)
        return attempt_sign_in_answer(self._link.call(ATTEMPT_SIGN_IN, arguments))

    def forgive(self, user: str, address: str, device: str) -> None:
        """Take back what the last attempt counted, which succeeded: an office behind one address signs in too.

        The success itself is counted, and limited generously: each may leave a revocation behind.
        """
        arguments = forgive_sign_in_call(user, address, device)
        try:
            self._link.call(FORGIVE_SIGN_IN, arguments)
        except RedisFailure:
            return  # it is forgotten by itself
