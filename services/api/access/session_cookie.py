"""Sessions as browsers keep them: begun at sign-in, renewed while they are used, gone at sign-out."""

import secrets
import time
from collections.abc import Callable
from typing import Final

from flask import Response, g

from access.session import ID_BYTES, Session, SessionSeal
from api.access.origin import is_encrypted

#: Seconds, and part of the idle time, by which a session is shortened before it is renewed.
RENEWAL_SECONDS: Final = 60.0
RENEWAL_PART: Final = 0.1


class SessionCookie:
    """Puts the cookie on answers. A session ends for good at a fixed time, and earlier where it is not used."""

    def __init__(
        self,
        seal: SessionSeal,
        session_seconds: float,
        idle_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._seal = seal
        self._session_seconds = session_seconds
        self._idle_seconds = idle_seconds
        self._renewed_below = idle_seconds - min(RENEWAL_SECONDS, idle_seconds * RENEWAL_PART)
        self._clock = clock

    def begin(self, response: Response, user: str, stamp: str, generation: str, device: str, issued: float) -> Session:
        """Give a new session to who gets this answer; ``issued`` is Unix time, not later than now."""
        now = self._clock()
        session = Session(
            id=f"{device}.{secrets.token_urlsafe(ID_BYTES)}",
            user=user,
            generation=generation,
            stamp=stamp,
            issued=issued,
            expires=self.latest_end(issued),
            idle_from=now + self._idle_seconds,
        )
        g.session = None  # the one that the request came with is not to be renewed
        self._set(response, session, now)
        return session

    def latest_end(self, issued: float) -> float:
        """Unix time from which no session is valid that began at ``issued`` or before."""
        return issued + self._session_seconds

    def renew(self, response: Response) -> None:
        """Prolong the session that the request came with, where it is worth a cookie."""
        session: Session | None = g.get("session")
        if session is None or session.idle_from >= session.expires:
            return
        now = self._clock()
        if session.idle_from - now < self._renewed_below:
            # The same in all but its idle time: whoever revokes it revokes every cookie of it.
            self._set(response, _prolonged(session, now + self._idle_seconds), now)

    def end(self, response: Response) -> None:
        """Take the session from who gets this answer."""
        g.session = None
        response.delete_cookie(self._seal.cookie, path="/", httponly=True, samesite="Lax", secure=is_encrypted())

    def _set(self, response: Response, session: Session, now: float) -> None:
        response.set_cookie(
            self._seal.cookie,
            self._seal.seal(session),
            max_age=max(1, int(session.ends - now)),
            path="/",
            httponly=True,
            samesite="Lax",
            secure=is_encrypted(),
        )


def _prolonged(session: Session, idle_from: float) -> Session:
    return Session(
        session.id, session.user, session.generation, session.stamp, session.issued, session.expires, idle_from
    )
