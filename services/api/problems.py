"""Error responses: problem+json (RFC 9457) under ``/api``, a web page elsewhere. They contain no internal details."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

from flask import Flask, Response, render_template, request
from msgspec import UNSET
from werkzeug.exceptions import HTTPException

from api.language import gettext
from api.message_store import DataUnavailable
from api.responses import RETRY_AFTER_SECONDS, is_program_request
from contract.codec import encode
from contract.rest import Problem
from runtime.quoting import QUOTED_LENGTH

_logger = logging.getLogger(__name__)

Code = Literal["sign_in_required", "forbidden", "limit_exceeded"]


class RequestRefused(Exception):
    """The api does not serve this request. ``detail`` explains the reason to people, ``code`` to programs.

    ``as_page`` chooses between a page and JSON where the path alone does not decide.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: Code | None = None,
        headers: Mapping[str, str] | None = None,
        as_page: bool | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.headers = headers or {}
        self.as_page = as_page


def install_error_handlers(app: Flask) -> None:
    """Answer every error of ``app`` with the functions of this module."""
    app.register_error_handler(RequestRefused, answer_refused_request)
    app.register_error_handler(DataUnavailable, _unavailable)
    app.register_error_handler(HTTPException, _refused_by_framework)
    app.register_error_handler(Exception, _unexpected)


def answer_refused_request(refused: RequestRefused) -> Response:
    """Return the response to a refused request."""
    response = _answer(refused.status, refused.detail, refused.code, refused.as_page)
    response.headers.update(refused.headers)
    return response


def _unavailable(error: DataUnavailable) -> Response:
    # The error's own text names a Redis key, which does not help a person with a browser.
    response = _answer(503, str(error) if is_program_request() else _detail(503))
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _refused_by_framework(error: HTTPException) -> Response:
    original = error.get_response(request.environ)
    if original.status_code < 400:  # werkzeug raises redirections as exceptions
        return Response(status=original.status_code, headers=original.headers)
    response = _answer(original.status_code, _detail(original.status_code))
    if "Allow" in original.headers:
        response.headers["Allow"] = original.headers["Allow"]
    return response


def _unexpected(error: Exception) -> Response:
    _logger.error("%s %r failed", request.method, request.path[:200], exc_info=error)
    return _answer(500, _detail(500))


def _detail(status: int) -> str:
    path = request.path[:QUOTED_LENGTH]
    if status == 404:
        return gettext("There is nothing at %(path)r.", path=path)
    if status == 405:
        return gettext("%(path)r does not accept the method %(method)s.", method=request.method[:20], path=path)
    if status == 500:
        return gettext("The api failed to answer. Its log has the reason.")
    if status == 503:
        return gettext("There is nothing to show yet. Check that Redis and the collector run, and reload the page.")
    return HTTPStatus(status).description or gettext("The request cannot be served.")


def _title(status: int) -> str:
    titles = {
        403: gettext("Forbidden"),
        404: gettext("Not Found"),
        405: gettext("Method Not Allowed"),
        429: gettext("Too Many Requests"),
        500: gettext("Internal Server Error"),
        503: gettext("Service Unavailable"),
    }
    return titles.get(status) or HTTPStatus(status).phrase


def _answer(status: int, detail: str, code: Code | None = None, as_page: bool | None = None) -> Response:
    title = _title(status)
    if is_program_request() or as_page is False:
        problem = Problem(title=title, status=status, detail=detail, code=code or UNSET)
        response = Response(encode(problem), status, content_type="application/problem+json")
    else:
        page = render_template("error.html", status=status, title=title, detail=detail)
        response = Response(page, status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response
