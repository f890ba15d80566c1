"""``/login`` and ``/logout``, for people and their browsers."""

import logging
import math
from typing import Final

from flask import Blueprint, Response, g, redirect, render_template, request

from api.access.attempts import Attempts
from api.access.credentials import Credentials
from api.access.csrf import Forms
from api.access.next_page import HOME, SIGN_IN, safe_next
from api.access.origin import address, is_encrypted
from api.access.passwords import Busy, Passwords
from api.access.session_cookie import SessionCookie
from api.access.store import RevocationStore
from api.access.users import Users, stamp_of
from api.counters import Counters
from api.language import gettext
from api.link import RedisAway, RedisRefused
from api.problems import Refusal
from api.unavailable import Unavailable
from contract.access.revocations import revocation_of
from contract.access.session import Session

#: Characters of a name that are looked at, and logged.
NAME_LENGTH: Final = 128
#: Seconds after which trying again may help where Redis or a processor was the reason.
RETRY_SECONDS: Final = 5

_logger = logging.getLogger(__name__)


class SignIn:
    """Opens and ends sessions."""

    def __init__(
        self,
        users: Users,
        passwords: Passwords,
        attempts: Attempts,
        revocations: RevocationStore,
        cookie: SessionCookie,
        counters: Counters,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._attempts = attempts
        self._revocations = revocations
        self._cookie = cookie
        self._counters = counters

    def wait_seconds(self, user: str) -> float:
        """Count an attempt; return how long to wait before the next one, 0.0 where this one may go on.

        Raises:
            RedisAway: it cannot be counted.
            RedisRefused: likewise.
        """
        wait = self._attempts.count(user, address())
        if wait:
            self._count("paused")
        return wait

    def is_right(self, user: str, password: str) -> bool:
        """Whether it is the user's password; it takes as long where there is no such user.

        Raises:
            Busy: too many passwords are being looked at.
        """
        if self._passwords.are_equal(self._users.hash_of(user), password):
            return True
        self._count("wrong")
        _logger.warning("failed sign-in as %r from %s", user, address())
        return False

    def begin(self, response: Response, user: str, former: Session | None) -> None:
        """Give a new session to who gets this answer, in place of a former one.

        Raises:
            RedisAway: the former one cannot be ended.
            RedisRefused: likewise.
            Unavailable: the store's generation is not known.
        """
        generation = self._revocations.generation()
        if former is not None:
            self._revocations.revoke(revocation_of(former.grant()), former.expires)
        self._attempts.forgive(user, address())
        self._cookie.begin(response, user, stamp_of(self._users.hash_of(user) or ""), generation)
        self._count("success")
        _logger.info("sign-in as %r from %s", user, address())

    def end(self, response: Response, session: Session) -> None:
        """End a session, and its sockets with it.

        Raises:
            RedisAway: it did not happen.
            RedisRefused: likewise.
        """
        self._revocations.revoke(revocation_of(session.grant()), session.expires)
        self._cookie.end(response)
        _logger.info("sign-out of %r from %s", session.user, address())

    def unavailable(self) -> None:
        """Count an attempt that nobody could look at."""
        self._count("unavailable")

    def _count(self, outcome: str) -> None:
        self._counters.sign_ins.labels(outcome).inc()


def sign_in_routes(sign_in: SignIn, credentials: Credentials, forms: Forms) -> Blueprint:
    """Make the routes of a deployment whose access is closed."""
    routes = Blueprint("sign_in", __name__)

    @routes.get(SIGN_IN)
    def form() -> Response:
        """The page; those whom a proxy has signed in have no use for it."""
        grant = credentials.find()
        if grant is not None and grant.by == "proxy":
            return _go_on(safe_next(request.args.get("next", "")))
        return _page(forms, 200, next_page=request.args.get("next", ""))

    @routes.post(SIGN_IN)
    def submit() -> Response:
        """Sign in. The answer is the same whether there is such a user or not."""
        forms.require_ours(None)
        user, password = request.form.get("user", "")[:NAME_LENGTH], request.form.get("password", "")
        next_page = request.form.get("next", "")
        try:
            former = credentials.session()
            wait = sign_in.wait_seconds(user)
            if wait:
                seconds = math.ceil(wait)
                error = gettext("Too many attempts to sign in: wait %(seconds)s s, then try again.", seconds=seconds)
                return _page(forms, 429, error, user, next_page, seconds)
            if not sign_in.is_right(user, password):
                return _page(forms, 401, gettext("There is no such user, or the password is wrong."), user, next_page)
            response = _go_on(safe_next(next_page))
            sign_in.begin(response, user, former)
        except (RedisAway, RedisRefused, Unavailable):
            sign_in.unavailable()
            error = gettext("Nobody can sign in while Redis does not answer. Try again in a moment.")
            return _page(forms, 503, error, user, next_page, RETRY_SECONDS)
        except Busy:
            sign_in.unavailable()
            error = gettext("Too many people sign in at this moment. Try again in a moment.")
            return _page(forms, 503, error, user, next_page, RETRY_SECONDS)
        return response

    @routes.post("/logout")
    def logout() -> Response:
        """Sign out."""
        response = _go_on(SIGN_IN)
        session: Session | None = g.get("session")
        if session is not None:
            try:
                sign_in.end(response, session)
            except (RedisAway, RedisRefused):
                text = gettext("You are still signed in: signing out needs Redis, which does not answer. Try again.")
                raise Refusal(503, text, headers={"Retry-After": str(RETRY_SECONDS)}) from None
        return response

    return routes


def open_routes() -> Blueprint:
    """Make the same routes for a deployment that asks nobody to sign in."""
    routes = Blueprint("sign_in", __name__)
    for path, methods in ((SIGN_IN, ["GET", "POST"]), ("/logout", ["POST"])):
        routes.add_url_rule(path, path[1:], lambda: _go_on(HOME), methods=methods)
    return routes


def _page(
    forms: Forms, status: int, error: str | None = None, user: str = "", next_page: str = "", retry: int | None = None
) -> Response:
    response = Response(status=status, mimetype="text/html")
    response.set_data(
        render_template(
            "login.html",
            page="login",
            error=error,
            next=safe_next(next_page),
            csrf=forms.visitors_token(response),
            user=user,
            is_encrypted=is_encrypted(),
            retry_after_seconds=retry,
        )
    )
    response.headers["Cache-Control"] = "no-store"
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response


def _go_on(path: str) -> Response:
    response = redirect(path, 303, Response)
    assert isinstance(response, Response)
    response.headers["Cache-Control"] = "no-store"
    return response
