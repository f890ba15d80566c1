"""Signing in and out: checks, counters, logs and cookies."""

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

#: Characters of a name that are used and logged.
NAME_LENGTH: Final = 128

_logger = logging.getLogger(__name__)


class SignInAttempts:
    """Sign-in attempts, counted in Redis, so that all api processes together limit guessing.

    They are counted by user and address, or by a browser in which the user has signed in before.
    """

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    def count(self, user: str, address: str, device: str) -> float:
        """Count an attempt before the password is checked, so that parallel guesses do not bypass the limit.

        Args:
            user: the name as typed.
            address: the client's address.
            device: id of the browser if the user has signed in there before, else empty.

        Returns:
            0.0, or the seconds until the next attempt. In the second case this attempt is refused and not counted.

        Raises:
            RedisAway: the attempt was not counted.
            RedisRefused: the attempt was not counted.
        """
        arguments = attempt_sign_in_call(user, address, device)
        return attempt_sign_in_reply(self._connection.call(ATTEMPT_SIGN_IN, arguments))

    def forgive(self, user: str, address: str, device: str) -> None:
        """Remove the last, successful attempt from the count, because an office shares one address.

        Successes have a generous limit of their own, because each may leave a revocation behind.
        """
        arguments = forgive_sign_in_call(user, address, device)
        try:
            self._connection.call(FORGIVE_SIGN_IN, arguments)
        except RedisFailure:
            return  # the count expires


class VerifiedPassword(NamedTuple):
    """Proof that a person knows a user's password."""

    user: str
    #: Stamp of the hash that the password was compared with.
    stamp: str
    #: Unix time before the hash was read. If the password is changed or the user is removed during the comparison, the
    #: revocation has a later time and covers this sign-in.
    at: float


class SignIn:
    """Starts and ends sessions."""

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
        """Return the id of the browser if the user has used the current password there, else an empty text."""
        stored = self._users.hash_of(user, now=False)
        return self._devices.known(user, "" if stored is None else stamp_of(stored))

    def wait_seconds(self, user: str, device: str) -> float:
        """Count an attempt. Return the seconds to wait before the next one, or 0.0 if this one may go on.

        Raises:
            RedisAway: the attempt was not counted.
            RedisRefused: the attempt was not counted.
        """
        wait = self._attempts.count(user, address(), device)
        if wait:
            self._count("paused")
        return wait

    def check(self, user: str, password: str) -> VerifiedPassword | None:
        """Compare a password with the user's. Return ``None`` if it differs.

        The check takes as long for an unknown user.

        Raises:
            TooManyPasswordChecks: too many passwords are being checked.
        """
        now = time.time()
        stored = self._users.hash_of(user)
        if self._password_verifier.matches(stored, password) and stored is not None:
            return VerifiedPassword(user, stamp_of(stored), now)
        self._count("wrong")
        _logger.warning("failed sign-in as %r from %s", user, address())
        return None

    def begin(self, response: Response, verified: VerifiedPassword, previous: Session | None, device: str) -> None:
        """Start a session in ``response``, in place of the browser's previous one.

        The browser keeps its id for all users, so its previous sessions are revoked together.

        Raises:
            RedisAway: the previous session was not ended.
            RedisRefused: the previous session was not ended.
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
        """End a session and its sockets.

        Raises:
            RedisAway: the session was not ended.
            RedisRefused: the session was not ended.
        """
        self._revoke(session, time.time())
        self._cookie.end(response)
        _logger.info("sign-out of %r from %s", session.user, address())

    def _revoke(self, session: Session, before: float) -> None:
        """End a session and the earlier sessions of its browser with one revocation."""
        alone = revocation_of(session.grant())
        if session.device and session.issued < before:
            until = max(session.expires, self._cookie.latest_end(before))
            self._revocations.revoke(revocation_of_device(session.device, before), until, alone)
        else:  # started by release 0.1.1, or by a clock ahead of this one
            self._revocations.revoke(alone, session.expires)

    def count_unavailable(self) -> None:
        """Count an attempt that could not be checked."""
        self._count("unavailable")

    def _count(self, outcome: str) -> None:
        self._counters.sign_ins.labels(outcome).inc()
