"""Answers in JSON, and the headers that say how old and how valid they are."""

from typing import Final

from flask import Response, request

from api.store import Latest
from contract.codec import encode

#: What the paths of programs begin with. By itself it is a page to a browser.
API: Final = "/api"
#: Seconds after which asking again may help.
RETRY_AFTER_SECONDS = 2


def answers_json() -> bool:
    """Whether this request is a program's: all that is asked for under ``/api``, errors included."""
    return request.path.startswith(f"{API}/") or (request.path == API and not _takes_html())


def wants_page() -> bool:
    """Whether this request is a browser's for a page, and not a program's, which most often takes anything."""
    return not answers_json() and request.path != "/metrics" and _takes_html()


def _takes_html() -> bool:
    return "text/html" in request.headers.get("Accept", "")


def json_answer(body: bytes, age_seconds: float | None = None) -> Response:
    """Answer ``body``; caches must ask before they use it again."""
    response = Response(body, mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return with_age(response, age_seconds)


def with_age(response: Response, age_seconds: float | None) -> Response:
    """Say how old what is answered is, where that is known."""
    if age_seconds is not None:
        response.headers["Age"] = str(int(age_seconds))
    return response


def struct_answer(struct: object) -> Response:
    """Answer a message of the contract."""
    return json_answer(encode(struct))


def tagged_answer(body: bytes, tag: str, age_seconds: float | None = None) -> Response:
    """Answer ``body`` with an entity tag, and 304 without body to who has it already."""
    response = json_answer(body, age_seconds)
    if request.if_none_match.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
        for header in ("Content-Type", "Content-Length"):
            response.headers.pop(header, None)
    response.set_etag(tag, weak=True)
    return response


def latest_answer(latest: Latest, body: bytes) -> Response:
    """Answer a ``body`` made of ``latest``."""
    return tagged_answer(body, latest.content.tag, latest.age_seconds)
