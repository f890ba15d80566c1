"""Errors as answers: problem+json (RFC 9457) under ``/api``, a page elsewhere. Nothing internal gets out."""

import logging
from http import HTTPStatus

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from api.answers import RETRY_AFTER_SECONDS
from api.unavailable import Unavailable
from contract.codec import encode
from contract.rest import Problem

_logger = logging.getLogger(__name__)


class Refusal(Exception):
    """The request cannot be served as it is; ``detail`` tells people why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def answer_problems(app: Flask) -> None:
    """Have every error of ``app`` answered here."""
    app.register_error_handler(Refusal, lambda refusal: _answer(refusal.status, refusal.detail))
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(HTTPException, _refused_by_framework)
    app.register_error_handler(Exception, _unexpected)


def _unavailable(error: Unavailable) -> Response:
    response = _answer(503, str(error))
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _refused_by_framework(error: HTTPException) -> Response:
    original = error.get_response(request.environ)
    if original.status_code < 400:  # a redirection is an exception to werkzeug
        return Response(status=original.status_code, headers=original.headers)
    response = _answer(original.status_code, _detail(original.status_code))
    if "Allow" in original.headers:
        response.headers["Allow"] = original.headers["Allow"]
    return response


def _unexpected(error: Exception) -> Response:
    _logger.error("%s %r failed", request.method, request.path[:200], exc_info=error)
    return _answer(500, _detail(500))


def _detail(status: int) -> str:
    if status == 404:
        return f"There is nothing at {request.path[:100]!r}."
    if status == 405:
        return f"{request.method[:20]} is not among the methods that {request.path[:100]!r} takes."
    if status == 500:
        return "The api failed to answer; its log says why."
    return HTTPStatus(status).description or "The request cannot be served."


def _answer(status: int, detail: str) -> Response:
    title = HTTPStatus(status).phrase
    if request.path == "/api" or request.path.startswith("/api/"):
        problem = Problem(title=title, status=status, detail=detail)
        response = Response(encode(problem), status, content_type="application/problem+json")
    else:
        page = render_template("error.html", status=status, title=title, detail=detail)
        response = Response(page, status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response
