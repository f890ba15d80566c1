"""Causes of failed scrapes, without the name of the node."""

from collector.sentences.sentence import number, plural, sentence, size, with_detail

# No connection


@sentence
def name_not_found() -> str:
    return "name not found"


@sentence
def name_not_found_within(seconds: float) -> str:
    return f"name not found within {number(seconds)} s"


@sentence
def no_answer() -> str:
    return "no answer"


@sentence
def no_answer_within(seconds: float) -> str:
    return f"no answer within {number(seconds)} s"


@sentence
def connection_refused() -> str:
    return "connection refused"


@sentence
def connection_reset() -> str:
    return "connection reset"


@sentence
def no_route() -> str:
    return "no route to host"


@sentence
def network_unreachable() -> str:
    return "network unreachable"


@sentence
def host_is_down() -> str:
    return "host is down"


@sentence
def cannot_connect(error: str | None) -> str:
    return with_detail("cannot connect", error)


@sentence
def connection_lost(error: str | None) -> str:
    return with_detail("connection lost", error)


@sentence
def cannot_be_asked(error: str) -> str:
    return f"the request cannot be sent ({error})"


@sentence
def closed_without_answer() -> str:
    return "connection closed without an answer"


@sentence
def closed_by_https() -> str:
    # With TLS 1.3, the exporter requests a certificate only after the connection is established.
    return (
        "connection closed without an answer "
        "(the exporter may require a client certificate, which the collector does not have)"
    )


# TLS


@sentence
def speaks_https() -> str:
    return "the exporter uses HTTPS (add scheme: https)"


@sentence
def speaks_no_https() -> str:
    return "the exporter does not use HTTPS (if it uses plain HTTP, remove scheme: https)"


@sentence
def tls_fails(error: str) -> str:
    return f"TLS connection failed ({error})"


@sentence
def certificate_expired() -> str:
    return "certificate has expired"


@sentence
def certificate_not_valid_yet() -> str:
    return "certificate is not valid yet"


@sentence
def certificate_of_another_name(name: str) -> str:
    return f"certificate is not for the name {name}"


@sentence
def certificate_not_of_ca_file() -> str:
    return "certificate is not signed by a CA in ca_file"


@sentence
def certificate_not_of_system() -> str:
    return "certificate is not signed by a CA that the system trusts (set ca_file)"


@sentence
def certificate_not_valid(error: str) -> str:
    return f"certificate is not valid ({error})"


# The collector's passwords, tokens and certificates. ``option`` is a field of nodes.yaml.


@sentence
def credentials_without_folder(option: str) -> str:
    return f"no request was sent: {option} needs COLLECTOR_CREDENTIALS_DIR, which is not set"


@sentence
def credentials_folder_missing() -> str:
    return "no request was sent: COLLECTOR_CREDENTIALS_DIR does not exist"


@sentence
def credentials_folder_is_no_folder() -> str:
    return "no request was sent: COLLECTOR_CREDENTIALS_DIR is not a folder"


@sentence
def credential_outside(option: str) -> str:
    return f"no request was sent: {option} is outside COLLECTOR_CREDENTIALS_DIR"


@sentence
def credential_missing(option: str) -> str:
    return f"no request was sent: {option} is not in COLLECTOR_CREDENTIALS_DIR"


@sentence
def credential_unreadable(option: str, error: str | None) -> str:
    return with_detail(f"no request was sent: {option} cannot be read", error)


@sentence
def credential_is_no_file(option: str) -> str:
    return f"no request was sent: {option} is not a file"


@sentence
def credential_file_too_long(option: str, limit_bytes: int) -> str:
    return f"no request was sent: {option} is longer than {size(limit_bytes)}"


@sentence
def credential_empty(option: str) -> str:
    return f"no request was sent: {option} is empty"


@sentence
def credential_too_long(option: str, limit_bytes: int) -> str:
    return f"no request was sent: {option} is longer than {plural(limit_bytes, 'byte')}"


@sentence
def credential_is_no_token(option: str) -> str:
    return f"no request was sent: {option} must contain exactly one token"


@sentence
def credential_is_no_password(option: str) -> str:
    return f"no request was sent: {option} must contain exactly one password"


@sentence
def credential_is_no_certificate(option: str) -> str:
    return f"no request was sent: {option} is not a PEM file of certificates"


# Answers


@sentence
def http_status(status: int) -> str:
    return f"HTTP {status}"


@sentence
def http_redirects_elsewhere(status: int) -> str:
    return f"HTTP {status} redirect to another address, which the collector does not follow"


@sentence
def http_redirects_twice(status: int) -> str:
    return f"HTTP {status} twice, and the collector follows one redirect only"


@sentence
def http_wants_credentials() -> str:
    return "HTTP 401: the exporter requires a password or a token, and nodes.yaml names neither"


@sentence
def http_token_wrong() -> str:
    return "HTTP 401: the token is wrong"


@sentence
def http_password_wrong() -> str:
    return "HTTP 401: the user name or the password is wrong"


@sentence
def http_forbidden() -> str:
    return "HTTP 403: the credentials do not permit reading the metrics"


@sentence
def answer_ended_early() -> str:
    return "answer ended early"


@sentence
def answer_not_http() -> str:
    return "answer is not HTTP"


@sentence
def answer_not_valid(error: str) -> str:
    return f"answer is not valid ({error})"


@sentence
def answer_compressed_otherwise() -> str:
    return "answer has an unsupported compression (gzip and deflate are supported)"


# Expositions


@sentence
def not_node_exporter() -> str:
    return "answer is not a node_exporter exposition"


@sentence
def page_damaged() -> str:
    return "exposition is damaged"


@sentence
def page_too_long(limit_bytes: int) -> str:
    return f"exposition is longer than {size(limit_bytes)}"


@sentence
def page_unended(bytes_read: int, seconds: float) -> str:
    return f"exposition of more than {size(bytes_read)} did not end within {number(seconds)} s"


@sentence
def page_of_too_many_series(limit: int) -> str:
    return f"exposition has more than {plural(limit, 'series', 'series')}"


@sentence
def page_of_too_many_values() -> str:
    return "exposition has more values than the collector has memory for"


@sentence
def head_too_long(limit_bytes: int) -> str:
    return f"headers of the answer are longer than {size(limit_bytes)}"


# This machine


@sentence
def unreadable(error: str) -> str:
    return f"cannot be read ({error})"
