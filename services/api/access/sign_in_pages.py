"""``/login`` and ``/logout``, and the redirection to a page of this site."""

import math
from typing import Final
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, g, redirect, render_template, request

from access.session import Session
from api.access.client_address import is_encrypted, is_to_loopback
from api.access.cookies import SIGN_IN
from api.access.credentials import Credentials
from api.access.csrf import FormTokens
from api.access.sign_in import NAME_LENGTH, SignIn
from api.access.users import TooManyPasswordChecks
from api.language import gettext
from api.message_store import DataUnavailable
from api.problems import RequestRefused
from runtime.redis_failures import RedisFailure

#: Seconds after which a retry may succeed, if Redis or the CPU was the reason.
RETRY_SECONDS: Final = 5
#: Destination without a "next" parameter.
HOME: Final = "/"

#: Longest "next" path, in characters.
_PATH_LIMIT: Final = 2000
_EXCLUDED_PATHS: Final = frozenset((SIGN_IN, "/logout"))


def sign_in_routes(sign_in: SignIn, credentials: Credentials, forms: FormTokens) -> Blueprint:
    """Return the routes of a deployment with closed access."""
    routes = Blueprint("sign_in", __name__)

    @routes.get(SIGN_IN)
    def form() -> Response:
        """The sign-in page. Redirects people whom a proxy has signed in."""
        grant = credentials.find()
        if grant is not None and grant.by == "proxy":
            return _redirect(safe_next(request.args.get("next", "")))
        return _sign_in_page(forms, 200, next_page=request.args.get("next", ""))

    @routes.post(SIGN_IN)
    def submit() -> Response:
        """Sign in. The response is the same for an unknown user and a wrong password."""
        forms.require_valid_form(None)
        user, password = request.form.get("user", "")[:NAME_LENGTH], request.form.get("password", "")
        next_page = request.form.get("next", "")
        try:
            previous = credentials.session()
            device = sign_in.device(user)
            wait = sign_in.wait_seconds(user, device)
            if wait:
                seconds = math.ceil(wait)
                error = gettext("Too many attempts to sign in: wait %(seconds)s s, then try again.", seconds=seconds)
                return _sign_in_page(forms, 429, error, user, next_page, seconds)
            verified = sign_in.check(user, password)
            if verified is None:
                return _sign_in_page(
                    forms, 401, gettext("There is no such user, or the password is wrong."), user, next_page
                )
            response = _redirect(safe_next(next_page))
            sign_in.begin(response, verified, previous, device)
        except (RedisFailure, DataUnavailable):
            sign_in.count_unavailable()
            error = gettext("Signing in needs Redis, which does not answer. Try again in a moment.")
            return _sign_in_page(forms, 503, error, user, next_page, RETRY_SECONDS)
        except TooManyPasswordChecks:
            sign_in.count_unavailable()
            error = gettext("Too many people sign in at this moment. Try again in a moment.")
            return _sign_in_page(forms, 503, error, user, next_page, RETRY_SECONDS)
        return response

    @routes.post("/logout")
    def logout() -> Response:
        """Sign out."""
        response = _redirect(SIGN_IN)
        session: Session | None = g.get("session")
        if session is not None:
            try:
                sign_in.end(response, session)
            except RedisFailure:
                text = gettext("You are still signed in: signing out needs Redis, which does not answer. Try again.")
                raise RequestRefused(503, text, headers={"Retry-After": str(RETRY_SECONDS)}) from None
        return response

    return routes


def redirect_home_routes() -> Blueprint:
    """Return the same routes for a deployment with open access."""
    routes = Blueprint("sign_in", __name__)
    for path, methods in ((SIGN_IN, ["GET", "POST"]), ("/logout", ["POST"])):
        routes.add_url_rule(path, path[1:], lambda: _redirect(HOME), methods=methods)
    return routes


def _sign_in_page(
    forms: FormTokens,
    status: int,
    error: str | None = None,
    user: str = "",
    next_page: str = "",
    retry: int | None = None,
) -> Response:
    response = Response(status=status, mimetype="text/html")
    response.set_data(
        render_template(
            "login.html",
            page="login",
            error=error,
            next=safe_next(next_page),
            csrf=forms.visitor_token(response),
            user=user,
            is_unencrypted=not is_encrypted() and not is_to_loopback(),
            retry_after_seconds=retry,
        )
    )
    response.headers["Cache-Control"] = "no-store"
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response


def _redirect(path: str) -> Response:
    response = redirect(path, 303, Response)
    assert isinstance(response, Response)
    response.headers["Cache-Control"] = "no-store"
    return response


def safe_next(text: str) -> str:
    """Return ``text`` if it is a path of this site with its query, else ``HOME``.

    Browsers treat a backslash as a slash and two slashes as another host, and drop control characters.
    """
    if not text.startswith("/") or text.startswith("//") or "\\" in text or len(text) > _PATH_LIMIT:
        return HOME
    if not text.isprintable() or " " in text:
        return HOME
    return HOME if text.partition("?")[0].rstrip("/") in _EXCLUDED_PATHS else text


def sign_in_url() -> str:
    """Return the URL of the sign-in page, with a way back to the requested page."""
    if request.method not in ("GET", "HEAD"):
        return SIGN_IN
    query = request.query_string.decode("latin-1")
    path = quote(request.path) + (f"?{query}" if query else "")
    return f"{SIGN_IN}?{urlencode({'next': safe_next(path)})}"
