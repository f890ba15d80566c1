"""Target lists of a real HTTP server."""

import asyncio
import gzip
import json
import logging
import ssl

import pytest
from aiohttp import web

from collector.metrics import HTTP_SD_FAILURES
from collector.sentences.failures import http_status
from collector.sentences.sentence import english
from collector.targets.entry import HttpOptions
from collector.targets.http_sd import HttpSdSource, HttpSdTargets
from collector.targets.http_sd_request import LIST_LIMIT_BYTES, HttpSdFailed
from collector.tests.http_sd_server import ADDRESSES, GROUPS, PLAIN, ListServer, answering, hanging, listing
from tests.drivers.certificate import make_certificate
from tests.drivers.ports import free_port
from tests.drivers.waiting import until

GENEROUS_SECONDS = 60.0
TOKEN = "t0ken-of-the-list"
PASSWORD = "hunter2"
BASIC = HttpOptions(username="prom", password_file="password", credentials_over_http=True)
BEARER = HttpOptions(bearer_token_file="token", credentials_over_http=True)
HTTPS = HttpOptions(scheme="https", ca_file="ca.crt")
HTTPS_PASSWORD = HttpOptions(scheme="https", ca_file="ca.crt", username="prom", password_file="password")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of credentials: CAs, a password and a token."""
    made = tmp_path_factory.mktemp("credentials")
    make_certificate(made, "IP:127.0.0.1")
    (made / "other").mkdir()
    make_certificate(made / "other", "DNS:netbox.lan")
    (made / "password").write_text(f"{PASSWORD}\n")
    (made / "token").write_text(f"{TOKEN}\n")
    return made


def serving(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context


def run(script, respond=None, context=None):
    """Run a script with a server."""

    async def main():
        async with ListServer(respond or listing(), context) as server:
            return await asyncio.wait_for(script(server), GENEROUS_SECONDS)

    return asyncio.run(main())


def refreshed(respond, http=PLAIN, folder=None, *, context=None, path="/targets"):
    """Return a source after a good answer and then a request with ``respond``, and the server."""

    async def script(server):
        source = server.source(http, folder, path)
        await source.refresh()
        server.respond = respond
        await source.refresh()
        return source, server

    return run(script, context=context)


def addresses(followed):
    return [entry.address for entry in followed.entries]


def problem_of(source):
    return None if source.problem is None else english(source.problem)


def failures(reason):
    return HTTP_SD_FAILURES.labels(reason)._value.get()


# Good lists


def test_list_has_the_targets_of_all_groups():
    async def script(server):
        source = server.source()
        await source.refresh()
        return source, server.requests

    source, [request] = run(script)

    assert addresses(source) == ADDRESSES
    assert all(entry.is_discovered for entry in source.entries)
    assert [entry.http.scheme for entry in source.entries] == ["http", "http", "https"]
    assert (source.is_answered, source.problem) == (True, None)
    assert request.headers["X-Prometheus-Refresh-Interval-Seconds"] == "60"
    assert request.headers["Accept"] == "application/json"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json"])
def test_content_type_may_have_a_charset(content_type):
    respond = answering(body=json.dumps(GROUPS).encode(), headers={"Content-Type": content_type})

    assert problem_of(refreshed(respond)[0]) is None


def test_empty_list_has_no_targets():
    source, _ = refreshed(listing([]))

    assert (addresses(source), source.is_answered, source.problem) == ([], True, None)


def test_address_is_one_target_when_it_is_in_two_groups():
    source, _ = refreshed(listing([{"targets": ["a", "b"]}, {"targets": ["b:9100", "c"], "labels": {}}]))

    assert addresses(source) == ["a:9100", "b:9100", "c:9100"]


# Failures


def redirecting(location):
    return answering(status=302, headers={"Location": location})


def long_head():
    return answering(headers={"X-Long": "x" * 100_000})


async def broken_off(request):
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"[")
    request.transport.abort()
    return response


async def disconnecting(request):
    request.transport.abort()
    return web.Response()


async def endless(request):
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while True:
        await response.write(b" " * 65_536)


JSON_TYPE = {"content_type": "application/json"}


@pytest.mark.parametrize(
    ("respond", "reason", "why"),
    [
        (answering(text="[{", **JSON_TYPE), "list", "answer is not valid (Input data was truncated)"),
        (answering(body=b'["\xff"]', **JSON_TYPE), "list", "answer is not valid ("),
        (answering(text="[" * 100_000, **JSON_TYPE), "list", "answer is not valid (RecursionError)"),
        (answering(text="", **JSON_TYPE), "list", "answer is not valid (Input data was truncated)"),
        (listing(None), "list", "the answer is not a list of groups"),
        (listing({"targets": ["a"]}), "list", "the answer is not a list of groups"),
        (listing([{"hosts": ["a"]}]), "list", "group 1: it has 'hosts'; it must have targets"),
        (listing([{"targets": ["a", "b:0"]}]), "list", "group 1, target 2: 'b:0' has no valid port (1 to 65535)"),
        (listing([{"targets": [7]}]), "list", "group 1, target 1: 7 is not a host"),
        (
            answering(text="<html>sign in", content_type="text/html"),
            "list",
            "the answer has the content type text/html; charset=utf-8; it must be application/json",
        ),
        (
            answering(body=b"[]", headers={"Content-Type": "application/json; charset=latin-1"}),
            "list",
            "the answer has the content type application/json; charset=latin-1; it must be application/json",
        ),
        (
            answering(body=gzip.compress(b"[]"), headers={"Content-Encoding": "gzip"}, **JSON_TYPE),
            "list",
            "the answer is compressed, which the collector does not request",
        ),
        (answering(status=204), "http", "HTTP 204"),
        (answering(status=401), "http", "HTTP 401: the server requires a password or a token"),
        (answering(status=403), "http", "HTTP 403"),
        (answering(status=503), "http", "HTTP 503"),
        (redirecting("http://127.0.0.2/targets"), "http", "HTTP 302 redirect to another address"),
        (redirecting("https://127.0.0.1/targets"), "http", "HTTP 302 redirect to another address"),
        (redirecting("/targets/"), "http", "HTTP 302 twice"),
        (answering(status=302), "http", "HTTP 302 redirect to another address"),
        (answering(body=b" " * (LIST_LIMIT_BYTES + 1), **JSON_TYPE), "limit", "the list is longer than 4 MiB, or"),
        (endless, "limit", "the list is longer than 4 MiB, or"),
        (answering(text=f"[{'1,' * 200_001}1]", **JSON_TYPE), "limit", "the list is longer than 4 MiB, or has more"),
        (broken_off, "http", "answer ended early"),
        (disconnecting, "http", "connection closed without an answer"),
        (long_head(), "http", "answer is not HTTP"),
    ],
)
def test_targets_stay_and_a_problem_is_reported_when_an_answer_is_not_a_list(respond, reason, why, caplog):
    before = failures(reason)

    source, _ = refreshed(respond)

    assert addresses(source) == ADDRESSES
    assert source.is_answered
    start = f"The target list {source.shown} cannot be read, its 3 previous targets stay in use: {why}"
    assert problem_of(source).startswith(start)
    assert failures(reason) == before + 1
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING and "sd" in record.name]
    assert [record.getMessage() for record in warnings] == [problem_of(source)]


def test_redirect_to_the_same_server_is_followed_once():
    async def to_the_list(request):
        return await (listing() if request.path == "/targets/" else redirecting("/targets/"))(request)

    source, server = refreshed(to_the_list)

    assert (problem_of(source), addresses(source)) == (None, ADDRESSES)
    assert [request.path for request in server.requests] == ["/targets", "/targets", "/targets/"]


@pytest.mark.parametrize(
    ("host", "reason", "why"), [("127.0.0.1", "connect", "connection refused"), ("a.invalid", "name", "name not found")]
)
def test_problem_has_no_previous_targets_when_the_first_request_fails(host, reason, why):
    async def script(server):
        source = server.source()
        server.port = free_port()
        source = HttpSdSource(server.url(host=host), source._fetch)
        await source.refresh()
        return source

    before = failures(reason)
    source = run(script)

    assert problem_of(source) == f"The target list {source.shown} cannot be read: {why}"
    assert not source.is_answered
    assert failures(reason) == before + 1


def test_server_that_hangs_fails_after_the_time_limit(monkeypatch):
    monkeypatch.setattr("collector.targets.http_sd_request.ANSWER_SECONDS", 0.5)
    before = failures("timeout")

    source, _ = refreshed(hanging)

    assert problem_of(source).endswith("its 3 previous targets stay in use: no answer within 0.5 s")
    assert failures("timeout") == before + 1


def test_unknown_error_is_a_problem_without_its_text(caplog):
    async def fetch(_):
        raise KeyError(TOKEN)

    async def script(server):
        source = HttpSdSource(server.url(), fetch)
        await source.refresh()
        return source

    source = run(script)

    assert problem_of(source).endswith("cannot be read: cannot be read (KeyError)")
    assert TOKEN not in caplog.text


def test_problem_ends_with_the_next_answer_and_is_logged_once(caplog):
    caplog.set_level(logging.INFO)

    async def script(server):
        source = server.source()
        for respond in (listing(), answering(status=503), answering(status=503), listing([{"targets": ["a"]}])):
            server.respond = respond
            await source.refresh()
        return source

    source = run(script)

    assert (problem_of(source), addresses(source)) == (None, ["a:9100"])
    lines = [record.getMessage() for record in caplog.records if "target list" in record.getMessage()]
    assert lines == [
        f"3 targets from the target list {source.shown}",
        f"The target list {source.shown} cannot be read, its 3 previous targets stay in use: HTTP 503",
        f"1 target from the target list {source.shown}",
    ]


def test_each_new_reason_is_logged_once_and_a_limited_number_of_them(caplog, monkeypatch):
    monkeypatch.setattr("collector.targets.http_sd.LOGGED_REASONS", 3)

    async def script(server):
        source = server.source()
        for status in (404, 404, 500, 404, 502, 503):
            server.respond = answering(status=status)
            await source.refresh()
        server.respond = listing()
        await source.refresh()
        server.respond = answering(status=404)
        await source.refresh()

    run(script)
    warnings = [record.getMessage() for record in caplog.records if record.name == "collector.targets.http_sd"]
    found = [next(status for status in ("404", "500", "502", "503") if status in each) for each in warnings]
    assert found == ["404", "500", "502", "404"]


def test_query_of_the_url_is_sent_and_not_shown():
    source, server = refreshed(answering(status=500), path=f"/targets?site=a,b&token={TOKEN}")

    assert server.requests[0].query == {"site": "a,b", "token": TOKEN}
    assert problem_of(source) == (
        f"The target list http://127.0.0.1:{server.port}/targets?… cannot be read, its 3 previous targets stay in use: "
        "HTTP 500"
    )


# Credentials


def requiring(authorization):
    async def respond(request):
        given = request.headers.get("Authorization")
        return web.json_response(GROUPS) if given == authorization else web.Response(status=401)

    return respond


@pytest.mark.parametrize(
    ("http", "authorization"), [(BASIC, "Basic cHJvbTpodW50ZXIy"), (BEARER, f"Bearer {TOKEN}")], ids=["basic", "bearer"]
)
def test_credentials_are_sent(http, authorization, folder):
    source, _ = refreshed(requiring(authorization), http, folder)

    assert (problem_of(source), addresses(source)) == (None, ADDRESSES)


@pytest.mark.parametrize(
    ("http", "status", "why"),
    [
        (BASIC, 401, "HTTP 401: the user name or the password is wrong"),
        (BEARER, 401, "HTTP 401: the token is wrong"),
        (BEARER, 403, "HTTP 403: the credentials do not permit reading the list"),
    ],
)
def test_refused_credentials_are_named_without_a_secret(http, status, why, folder, caplog):
    caplog.set_level(logging.DEBUG)

    source, _ = refreshed(answering(status=status), http, folder)

    assert problem_of(source).endswith(f": {why}")
    assert PASSWORD not in caplog.text
    assert TOKEN not in caplog.text
    assert "cHJvb" not in caplog.text


@pytest.mark.parametrize(
    ("location", "count"), [("http://127.0.0.2:{port}/targets", 2), ("http://127.0.0.1:{port}/other", 3)]
)
def test_credentials_go_to_no_other_server(location, count, folder):
    async def respond(request):
        return web.Response(status=307, headers={"Location": location.format(port=request.url.port)})

    source, server = refreshed(respond, BEARER, folder)

    assert "HTTP 307" in problem_of(source)
    assert {request.headers["Authorization"] for request in server.requests} == {f"Bearer {TOKEN}"}
    assert len(server.requests) == count


def test_missing_credentials_file_sends_no_request(folder):
    async def script(server):
        source = server.source(HttpOptions(bearer_token_file="nothing", credentials_over_http=True), folder)
        await source.refresh()
        return source, server.requests

    source, requests = run(script)

    assert problem_of(source).endswith("no request was sent: bearer_token_file is not in COLLECTOR_CREDENTIALS_DIR")
    assert requests == []


def test_changed_password_counts_for_the_next_request(folder):
    async def script(server):
        source = server.source(BASIC, folder)
        (folder / "password").write_text("old\n")
        await source.refresh()
        before = problem_of(source)
        (folder / "password").write_text(f"{PASSWORD}\n")
        await source.refresh()
        return before, problem_of(source)

    before, after = run(script, requiring("Basic cHJvbTpodW50ZXIy"))

    assert before.endswith("the user name or the password is wrong")
    assert after is None


# TLS


def test_list_is_read_over_https_with_an_own_authority(folder):
    source, _ = refreshed(requiring("Basic cHJvbTpodW50ZXIy"), HTTPS_PASSWORD, folder, context=serving(folder))

    assert (problem_of(source), addresses(source)) == (None, ADDRESSES)


@pytest.mark.parametrize(
    ("certificate", "http", "why"),
    [
        (".", HttpOptions(scheme="https"), "certificate is not signed by a CA that the system trusts (set ca_file)"),
        ("other", HTTPS, "certificate is not signed by a CA in ca_file"),
        ("other", HttpOptions(scheme="https", ca_file="other/ca.crt"), "certificate is not for the name 127.0.0.1"),
        ("other", HttpOptions(scheme="https", ca_file="other/ca.crt", server_name="netbox.lan"), None),
        ("other", HttpOptions(scheme="https", insecure=True), None),
        (None, HTTPS, "the server does not use HTTPS (if it uses plain HTTP, write http:// in COLLECTOR_HTTP_SD_URLS)"),
    ],
)
def test_certificate_is_checked_before_a_request_is_sent(certificate, http, why, folder):
    async def script(server):
        source = server.source(http, folder)
        await source.refresh()
        return source, server.requests

    source, requests = run(script, context=None if certificate is None else serving(folder / certificate))

    if why is None:
        assert (problem_of(source), addresses(source)) == (None, ADDRESSES)
    else:
        assert problem_of(source).endswith(f": {why}")
        assert requests == []


def test_plain_request_to_a_tls_server_is_a_problem(folder):
    async def script(server):
        source = server.source()
        await source.refresh()
        return source

    assert problem_of(run(script, context=serving(folder))).partition("read: ")[2] in (
        "answer is not HTTP",
        "connection closed without an answer",
        "connection reset",
    )


# Following


def test_lists_are_requested_again_and_again():
    async def script(server):
        targets = server.targets()
        targets.start()
        await targets.first_answers_done(None)
        assert (addresses(targets), targets.is_answered, targets.has_changed()) == (ADDRESSES, True, True)
        assert not targets.has_changed()
        server.respond = answering(status=500)
        await until(lambda: targets.problems)
        assert addresses(targets) == ADDRESSES
        server.respond = listing([{"targets": ["a"]}])
        await until(lambda: addresses(targets) == ["a:9100"])
        assert targets.has_changed()
        assert targets.problems == []
        await targets.stop()
        count = len(server.requests)
        await asyncio.sleep(0.2)
        assert len(server.requests) == count

    run(script)


def test_server_that_hangs_delays_no_other_list_and_no_stop():
    async def script(server):
        slow, quick = server.source(path="/slow"), server.source(path="/quick")

        async def respond(request):
            return await (hanging if request.path == "/slow" else listing())(request)

        server.respond = respond
        targets = HttpSdTargets([slow, quick], 0.05)
        targets.start()
        await targets.first_answers_done(0.1)  # ends without an answer
        await until(lambda: [request.path for request in server.requests].count("/quick") > 3)
        assert addresses(targets) == ADDRESSES
        assert not targets.is_answered
        assert [request.path for request in server.requests].count("/slow") == 1
        await asyncio.wait_for(targets.stop(), GENEROUS_SECONDS / 2)

    run(script)


def test_no_list_is_answered_at_once():
    targets = HttpSdTargets()

    asyncio.run(targets.first_answers_done(None))

    assert (targets.entries, targets.problems, targets.is_answered) == ([], [], True)


def test_text_of_a_failure_is_the_sentence():
    assert str(HttpSdFailed("http", http_status(500))) == "HTTP 500"
