"""``/login`` and ``/logout``, for people and their browsers, and the page of ours where they go on after that."""

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

#: Seconds after which trying again may help where Redis or a processor was the reason.
RETRY_SECONDS: Final = 5
#: Where people go who did not want to go anywhere.
HOME: Final = "/"

#: Characters of an address that is remembered.
_LONGEST: Final = 2000
_NOT_AGAIN: Final = frozenset((SIGN_IN, "/logout"))


def sign_in_routes(sign_in: SignIn, credentials: Credentials, forms: FormTokens) -> Blueprint:
    """Make the routes of a deployment whose access is closed."""
    routes = Blueprint("sign_in", __name__)

    @routes.get(SIGN_IN)
    def form() -> Response:
        """The page; those whom a proxy has signed in have no use for it."""
        grant = credentials.find()
        if grant is not None and grant.by == "proxy":
            return _redirect(safe_next(request.args.get("next", "")))
        return _sign_in_page(forms, 200, next_page=request.args.get("next", ""))

    @routes.post(SIGN_IN)
    def submit() -> Response:
        """Sign in. The answer is the same whether there is such a user or not."""
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
            sign_in.unavailable()
            error = gettext("Nobody can sign in while Redis does not answer. Try again in a moment.")
            return _sign_in_page(forms, 503, error, user, next_page, RETRY_SECONDS)
        except TooManyPasswordChecks:
            sign_in.unavailable()
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
    """Make the same routes for a deployment that asks nobody to sign in."""
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
    """Return a path of this site with its query; ``HOME`` where ``text`` is none.

    Browsers take a backslash for a slash, two slashes for another host, and leave control characters out.
    """
    if not text.startswith("/") or text.startswith("//") or "\\" in text or len(text) > _LONGEST:
        return HOME
    if not text.isprintable() or " " in text:
        return HOME
    return HOME if text.partition("?")[0].rstrip("/") in _NOT_AGAIN else text


def sign_in_url() -> str:
    """The address of the sign-in page that leads back to what this request asks for."""
    if request.method not in ("GET", "HEAD"):
        return SIGN_IN
    query = request.query_string.decode("latin-1")
    wanted = quote(request.path) + (f"?{query}" if query else "")
    return f"{SIGN_IN}?{urlencode({'next': safe_next(wanted)})}"
