"""Reasons for which a target list of an HTTP server (``http_sd``) cannot be read. Others are as for exporters."""

from collector.sentences.sentence import number, sentence, size


@sentence
def list_wants_credentials() -> str:
    return "HTTP 401: the server requires a password or a token, and COLLECTOR_HTTP_SD_OPTIONS names neither"


@sentence
def list_forbidden() -> str:
    return "HTTP 403: the credentials do not permit reading the list"


@sentence
def list_without_https() -> str:
    return "the server does not use HTTPS (if it uses plain HTTP, write http:// in COLLECTOR_HTTP_SD_URLS)"


@sentence
def list_not_json(content_type: str | None) -> str:
    if content_type is None:
        return "the answer has no content type; it must be application/json"
    return f"the answer has the content type {content_type}; it must be application/json"


@sentence
def list_compressed() -> str:
    return "the answer is compressed, which the collector does not request"


@sentence
def list_too_long(limit_bytes: int, limit_values: int) -> str:
    return f"the list is longer than {size(limit_bytes)}, or has more than {number(limit_values)} values"


@sentence
def list_is_no_list() -> str:
    return 'the answer is not a list of groups, as in [{"targets": ["host:9100"]}]'
