"""Why a scrape failed, without the node's name."""

from collector.sentences.sentence import aside, number, plural, sentence, size

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
    return aside("cannot connect", error)


@sentence
def connection_lost(error: str | None) -> str:
    return aside("connection lost", error)


@sentence
def cannot_be_asked(error: str) -> str:
    return f"it cannot be asked ({error})"


@sentence
def closed_without_answer() -> str:
    return "connection closed without an answer"


@sentence
def closed_by_https() -> str:
    # So it is with TLS 1.3, where the exporter asks for a certificate only once the connection stands.
    return "connection closed without an answer (it may want a client's certificate, and there is none)"


# TLS


@sentence
def speaks_https() -> str:
    return "speaks HTTPS (scheme: https is missing)"


@sentence
def speaks_no_https() -> str:
    return "speaks no HTTPS (is it plain HTTP? then remove scheme: https)"


@sentence
def tls_fails(error: str) -> str:
    return f"TLS fails ({error})"


@sentence
def certificate_expired() -> str:
    return "certificate has expired"


@sentence
def certificate_not_valid_yet() -> str:
    return "certificate is not valid yet"


@sentence
def certificate_of_another_name(name: str) -> str:
    return f"certificate is for another name than {name}"


@sentence
def certificate_not_of_ca_file() -> str:
    return "certificate is signed by no CA of ca_file"


@sentence
def certificate_not_of_system() -> str:
    return "certificate is signed by no CA of the system (set ca_file)"


@sentence
def certificate_not_valid(error: str) -> str:
    return f"certificate is not valid ({error})"


# Passwords, tokens and certificates of our own. ``option`` is a field of nodes.yaml.


@sentence
def credentials_without_folder(option: str) -> str:
    return f"nothing was asked: {option} needs COLLECTOR_CREDENTIALS_DIR, which is not set"


@sentence
def credentials_folder_missing() -> str:
    return "nothing was asked: COLLECTOR_CREDENTIALS_DIR is not there"


@sentence
def credentials_folder_is_no_folder() -> str:
    return "nothing was asked: COLLECTOR_CREDENTIALS_DIR is no folder"


@sentence
def credential_outside(option: str) -> str:
    return f"nothing was asked: {option} leads out of COLLECTOR_CREDENTIALS_DIR"


@sentence
def credential_missing(option: str) -> str:
    return f"nothing was asked: {option} is not in COLLECTOR_CREDENTIALS_DIR"


@sentence
def credential_unreadable(option: str, error: str | None) -> str:
    return aside(f"nothing was asked: {option} cannot be read", error)


@sentence
def credential_is_no_file(option: str) -> str:
    return f"nothing was asked: {option} is not a file"


@sentence
def credential_file_too_long(option: str, limit_bytes: int) -> str:
    return f"nothing was asked: {option} is longer than {size(limit_bytes)}"


@sentence
def credential_empty(option: str) -> str:
    return f"nothing was asked: {option} is empty"


@sentence
def credential_too_long(option: str, limit_bytes: int) -> str:
    return f"nothing was asked: {option} is longer than {plural(limit_bytes, 'byte')}"


@sentence
def credential_is_no_token(option: str) -> str:
    return f"nothing was asked: {option} does not hold one token"


@sentence
def credential_is_no_password(option: str) -> str:
    return f"nothing was asked: {option} does not hold one password"


@sentence
def credential_is_no_certificate(option: str) -> str:
    return f"nothing was asked: {option} is no PEM file of certificates"


# Answers


@sentence
def http_status(status: int) -> str:
    return f"HTTP {status}"


@sentence
def http_redirects_elsewhere(status: int) -> str:
    return f"HTTP {status} to another address, which is not asked"


@sentence
def http_redirects_twice(status: int) -> str:
    return f"HTTP {status} twice, and one redirect is followed"


@sentence
def http_wants_credentials() -> str:
    return "HTTP 401: it wants a password or a token, and nodes.yaml names none"


@sentence
def http_token_wrong() -> str:
    return "HTTP 401: the token is wrong"


@sentence
def http_password_wrong() -> str:
    return "HTTP 401: the user name or the password is wrong"


@sentence
def http_forbidden() -> str:
    return "HTTP 403: who the credentials stand for may not read it"


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
    return "answer is compressed in a way that is not read (gzip and deflate are)"


# Pages


@sentence
def not_node_exporter() -> str:
    return "not a node_exporter page"


@sentence
def page_damaged() -> str:
    return "page is damaged"


@sentence
def page_too_long(limit_bytes: int) -> str:
    return f"page is longer than {size(limit_bytes)}"


@sentence
def page_unended(bytes_read: int, seconds: float) -> str:
    return f"page of more than {size(bytes_read)} did not end within {number(seconds)} s"


@sentence
def page_of_too_many_series(limit: int) -> str:
    return f"page has more than {plural(limit, 'series', 'series')}"


@sentence
def page_of_too_many_values() -> str:
    return "page has more values than there is memory for"


@sentence
def head_too_long(limit_bytes: int) -> str:
    return f"head of the answer is longer than {size(limit_bytes)}"


# This machine


@sentence
def unreadable(error: str) -> str:
    return f"cannot be read ({error})"
