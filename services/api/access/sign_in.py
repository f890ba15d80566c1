"""Signing in and out: what is checked, counted, logged, and given."""

import logging
import time
from typing import Final, NamedTuple

from flask import Response

from access.revocations import revocation_of, revocation_of_device
from access.scripts import (
    ATTEMPT_SIGN_IN,
    FORGIVE_SIGN_IN,
    attempt_sign_in_call,
    attempt_sign_in_reply,
    forgive_sign_in_call,
)
from access.session import Session
from api.access.client_address import address
from api.access.cookies import DeviceCookie, SessionCookie, new_device
from api.access.revocation_store import RevocationStore
from api.access.users import PasswordVerifier, UserFolder, stamp_of
from api.counters import Counters
from api.redis_connection import RedisConnection
from runtime.redis_failures import RedisFailure

#: Characters of a name that are looked at, and logged.
NAME_LENGTH: Final = 128

_logger = logging.getLogger(__name__)


class SignInAttempts:
    """SignInAttempts to sign in, counted in Redis, so that all api processes together let nobody guess fast.

    They are counted by user and address, or by a browser in which the user has signed in before.
    """

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

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
        return attempt_sign_in_reply(self._connection.call(ATTEMPT_SIGN_IN, arguments))

    def forgive(self, user: str, address: str, device: str) -> None:
        """Take back what the last attempt counted, which succeeded: an office behind one address signs in too.

        The success itself is counted, and limited generously: each may leave a revocation behind.
        """
        arguments = forgive_sign_in_call(user, address, device)
        try:
            self._connection.call(FORGIVE_SIGN_IN, arguments)
        except RedisFailure:
            return  # it is forgotten by itself


class VerifiedPassword(NamedTuple):
    """Of having known a user's password."""

    user: str
    #: Of the hash that the password was compared with.
    stamp: str
    #: Unix time, from before that was read. A password that was changed, or a user who was removed, while it was being
    #: compared is revoked from after that.
    at: float


class SignIn:
    """Opens and ends sessions."""

    def __init__(
        self,
        users: UserFolder,
        password_verifier: PasswordVerifier,
        attempts: SignInAttempts,
        revocations: RevocationStore,
        cookie: SessionCookie,
        devices: DeviceCookie,
        counters: Counters,
    ) -> None:
        self._users = users
        self._password_verifier = password_verifier
        self._attempts = attempts
        self._revocations = revocations
        self._cookie = cookie
        self._devices = devices
        self._counters = counters

    def device(self, user: str) -> str:
        """Id of the browser that asks, where the user has signed in there with the password of now; else empty."""
        stored = self._users.hash_of(user, now=False)
        return self._devices.known(user, "" if stored is None else stamp_of(stored))

    def wait_seconds(self, user: str, device: str) -> float:
        """Count an attempt; return how long to wait before the next one, 0.0 where this one may go on.

        Raises:
            RedisAway: it cannot be counted.
            RedisRefused: likewise.
        """
        wait = self._attempts.count(user, address(), device)
        if wait:
            self._count("paused")
        return wait

    def check(self, user: str, password: str) -> VerifiedPassword | None:
        """Compare a password with the user's; ``None`` if it is another. It takes as long where there is no such user.

        Raises:
            TooManyPasswordChecks: too many passwords are being looked at.
        """
        now = time.time()
        stored = self._users.hash_of(user)
        if self._password_verifier.matches(stored, password) and stored is not None:
            return VerifiedPassword(user, stamp_of(stored), now)
        self._count("wrong")
        _logger.warning("failed sign-in as %r from %s", user, address())
        return None

    def begin(self, response: Response, verified: VerifiedPassword, previous: Session | None, device: str) -> None:
        """Give a new session to who gets this answer, in place of a former one.

        The browser keeps its id, whoever signs in there, so its former sessions are revoked together.

        Raises:
            RedisAway: the former one cannot be ended.
            RedisRefused: likewise.
            DataUnavailable: the store's generation is not known.
        """
        generation = self._revocations.generation()
        if previous is not None:
            self._revoke(previous, verified.at)
        self._attempts.forgive(verified.user, address(), device)
        device = device or (previous.device if previous is not None else "") or new_device()
        self._cookie.begin(response, verified.user, verified.stamp, generation, device, verified.at)
        self._devices.give(response, verified.user, verified.stamp, device)
        self._count("success")
        _logger.info("sign-in as %r from %s", verified.user, address())

    def end(self, response: Response, session: Session) -> None:
        """End a session, and its sockets with it.

        Raises:
            RedisAway: it did not happen.
            RedisRefused: likewise.
        """
        self._revoke(session, time.time())
        self._cookie.end(response)
        _logger.info("sign-out of %r from %s", session.user, address())

    def _revoke(self, session: Session, before: float) -> None:
        """End a session with those that its browser had before, so that one revocation a browser is kept."""
        alone = revocation_of(session.grant())
        if session.device and session.issued < before:
            until = max(session.expires, self._cookie.latest_end(before))
            self._revocations.revoke(revocation_of_device(session.device, before), until, alone)
        else:  # begun by 0.1.1, or by a clock that was ahead of this one
            self._revocations.revoke(alone, session.expires)

    def unavailable(self) -> None:
        """Count an attempt that nobody could look at."""
        self._count("unavailable")

    def _count(self, outcome: str) -> None:
        self._counters.sign_ins.labels(outcome).inc()
