"""Exporters with HTTPS, and exporters that require credentials."""

import asyncio
import base64
import contextlib
import ssl
import tracemalloc
from pathlib import Path

import pytest

from collector.exporter_scraper import ExporterScraper, open_session
from collector.fetch import Fetcher
from collector.flow_control import EXPOSITION_LIMIT_BYTES
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.targets.dns import Resolver
from collector.targets.entry import HttpOptions
from tests.drivers.certificate import make_certificate, make_dated_certificate
from tests.drivers.loop_turns import loop_turns
from tests.drivers.raw_exporter import OK, RawExporter, answer

GENEROUS_SECONDS = 30.0
EXPOSITION = b"node_load1 0.5\n"
HTTPS = HttpOptions(scheme="https", ca_file="ca.crt")
PASSWORD = HttpOptions(scheme="https", ca_file="ca.crt", username="prom", password_file="password")
CLOSES = None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of credentials: a CA, and a password."""
    made = tmp_path_factory.mktemp("credentials")
    make_certificate(made, "IP:127.0.0.1", "DNS:pi.lan")
    (made / "password").write_text("hunter2\n")
    (made / "other").mkdir()
    (made / "ipv6").mkdir()
    make_certificate(made / "other", "IP:127.0.0.1")
    make_dated_certificate(made, "expired", "20200101000000Z", "20210101000000Z")
    make_dated_certificate(made, "early", "20900101000000Z", "20910101000000Z")
    return made


def serving(folder, certificate="server"):
    """Return the TLS context of a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key = folder / (f"{certificate}.key" if "/" in certificate else "server.key")
    context.load_cert_chain(folder / f"{certificate}.crt", key)
    return context


@pytest.fixture
def run(scrape_with, folder):
    """Return a function that runs a script with a scraper of an exporter with a TLS context."""
    return lambda context, respond, script, http=HTTPS: scrape_with(
        respond, script, context=context, folder=folder, http=http
    )


async def one_scrape(scraper, _):
    return await scraper.scrape()


def test_expositions_are_read_over_one_https_connection(run, folder):
    async def scrapes(scraper, exporter):
        return [await scraper.scrape() for _ in range(3)], exporter.connections

    results, connections = run(serving(folder), lambda _: answer(EXPOSITION), scrapes)

    assert all(isinstance(result, Sample) for result in results)
    assert connections == 1


# uvloop does not touch its buffers beyond the bytes received, so they take no memory.
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop], indirect=True)
def test_connection_takes_little_memory(run, target, folder):
    """asyncio's default buffers take 256 KiB at each end. The test counts asyncio's memory only."""
    count = 10

    async def connect(_, exporter):
        resolver = Resolver()
        async with open_session(resolver, folder) as session:
            # Each entry with other trusted certificates has a connection of its own.
            scrapers = [
                ExporterScraper(session, resolver, target("127.0.0.1", exporter.port, http=http), GENEROUS_SECONDS)
                for http in (HttpOptions(scheme="https", ca_file=f"{'./' * number}ca.crt") for number in range(count))
            ]
            tracemalloc.start()
            try:
                for scraper in scrapers:
                    assert isinstance(await scraper.scrape(), Sample)
                of_asyncio = tracemalloc.Filter(True, f"{Path(asyncio.__file__).parent}/*")
                held = tracemalloc.take_snapshot().filter_traces([of_asyncio]).statistics("filename")
                return exporter.connections, sum(each.size for each in held)
            finally:
                tracemalloc.stop()

    connections, memory_bytes = run(serving(folder), lambda _: answer(EXPOSITION), connect)

    assert connections == count
    assert memory_bytes / count < 200 * 1024


def test_exporters_share_no_tls_context_when_their_authorities_differ(run, target, folder):
    """Two entries with one host and port share a session, but not their trusted certificates."""

    async def both(scraper, exporter):
        resolver = Resolver()
        async with open_session(resolver, folder) as session:
            good, bad = (
                ExporterScraper(session, resolver, target("127.0.0.1", exporter.port, http=http), GENEROUS_SECONDS)
                for http in (HTTPS, HttpOptions(scheme="https", ca_file="other/ca.crt"))
            )
            return [await good.scrape(), await bad.scrape(), await good.scrape()]

    first, other, last = run(serving(folder), lambda _: answer(EXPOSITION), both)

    assert isinstance(first, Sample)
    assert other == ScrapeFailed("tls", failures.certificate_not_of_ca_file())
    assert isinstance(last, Sample)


@pytest.mark.parametrize(
    ("certificate", "http", "reason", "sentence"),
    [
        (
            "server",
            HttpOptions(scheme="https"),
            "tls",
            "certificate is not signed by a CA that the system trusts (set ca_file)",
        ),
        ("other/server", HTTPS, "tls", "certificate is not signed by a CA in ca_file"),
        ("expired", HTTPS, "tls", "certificate has expired"),
        ("early", HTTPS, "tls", "certificate is not valid yet"),
        (
            "server",
            HttpOptions(scheme="https", ca_file="ca.crt", server_name="other.lan"),
            "tls",
            "certificate is not for the name other.lan",
        ),
        (
            "server",
            HttpOptions(scheme="https", ca_file="none.crt"),
            "credentials",
            "no request was sent: ca_file is not in COLLECTOR_CREDENTIALS_DIR",
        ),
        (
            "server",
            HttpOptions(scheme="https", ca_file="password"),
            "credentials",
            "no request was sent: ca_file is not a PEM file of certificates",
        ),
    ],
)
def test_scrape_names_the_problem_with_the_certificate(run, folder, certificate, http, reason, sentence):
    result = run(serving(folder, certificate), lambda _: answer(EXPOSITION), one_scrape, http)

    assert (result.reason, result.sentence) == (reason, sentence)


@pytest.mark.parametrize(
    "http",
    [
        HttpOptions(scheme="https", ca_file="ca.crt", server_name="pi.lan"),
        # The exporter's own certificate is sufficient.
        HttpOptions(scheme="https", ca_file="server.crt"),
        HttpOptions(scheme="https", insecure=True),
    ],
)
def test_exposition_is_read_when_the_entry_names_trusted_certificates(run, folder, http):
    assert isinstance(run(serving(folder), lambda _: answer(EXPOSITION), one_scrape, http), Sample)


@pytest.mark.parametrize("closes", [True, False])
def test_scrape_reports_that_the_exporter_speaks_https_when_the_request_is_plain(run, folder, closes):
    # Python's server closes the connection silently; Go's answers with plain HTTP.
    if closes:
        context, respond = serving(folder), lambda _: answer(EXPOSITION)
    else:
        context = None
        words = b"Client sent an HTTP request to an HTTPS server.\n"
        respond = lambda _: b"HTTP/1.0 400 Bad Request\r\n\r\n" + words  # noqa: E731

    async def scrapes(scraper, exporter):
        if not closes:
            return [await scraper.scrape()], 0
        return [await scraper.scrape() for _ in range(3)], len(exporter.requests)

    async def closing(head):
        yield respond(head)
        raise OSError

    results, requests = run(context, respond if closes else closing, scrapes, HttpOptions())

    assert all(result == ScrapeFailed("tls", failures.speaks_https()) for result in results)
    # The exporter is tested once.
    assert requests <= 1


def test_scrape_reports_that_the_exporter_speaks_https_when_it_answers_with_a_tls_alert(run):
    async def alert():
        yield bytes.fromhex("15030100020246")
        raise OSError

    result = run(None, lambda _: alert(), one_scrape, HttpOptions())

    assert result == ScrapeFailed("tls", failures.speaks_https())


def test_scrape_reports_a_closed_connection_when_the_exporter_does_not_speak_https_either(run):
    result = run(None, lambda _: CLOSES, one_scrape, HttpOptions())

    assert result == ScrapeFailed("http", failures.closed_without_answer())


def test_scrape_reports_that_the_exporter_does_not_speak_https_when_its_answer_is_plain(target, folder):
    async def answer_at_once(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400")

    told = "the exporter does not use HTTPS (if it uses plain HTTP, remove scheme: https)"
    assert failed_scrape(target, folder, answer_at_once).sentence == told


def test_scrape_names_possible_causes_when_the_exporter_requires_a_client_certificate(run, folder):
    context = serving(folder)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "ca.crt")

    result = run(context, lambda _: answer(EXPOSITION), one_scrape)

    told = (
        "connection closed without an answer "
        "(the exporter may require a client certificate, which the collector does not have)"
    )
    assert (result.reason, result.sentence) == ("http", told)


def test_scrape_names_the_exporters_reason_when_tls_fails(target, folder):
    # A TLS record: alert, version 1.2, two bytes, fatal, handshake_failure.
    alert = bytes.fromhex("15030300020228")

    async def refuse(reader, writer):
        await reader.read(65536)
        writer.write(alert)

    assert failed_scrape(target, folder, refuse) == ScrapeFailed(
        "tls", failures.tls_fails("sslv3 alert handshake failure")
    )


def test_scrape_names_the_reason_when_tls_fails_after_the_handshake(target, folder):
    async def break_off(reader, writer):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = serving(folder).wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        # An unencrypted record.
        writer.write(outgoing.read() + bytes.fromhex("1703030020") + b"x" * 32)

    failed = failed_scrape(target, folder, break_off)
    # Versions of OpenSSL have different texts.
    assert failed in (
        ScrapeFailed("tls", failures.tls_fails("decryption failed or bad record mac")),
        ScrapeFailed("tls", failures.tls_fails("record layer failure")),
    )


def failed_scrape(target, folder, serve):
    """Scrape over HTTPS; ``serve`` handles the connection. Return the failure."""

    async def main():
        served = asyncio.Event()

        async def serve_one(reader, writer):
            with contextlib.suppress(OSError):
                await serve(reader, writer)
                await reader.read()
            writer.transport.abort()
            served.set()

        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        resolver = Resolver()
        async with server, open_session(resolver, folder) as session:
            made = target("127.0.0.1", server.sockets[0].getsockname()[1], http=PASSWORD)
            result = await ExporterScraper(session, resolver, made, GENEROUS_SECONDS).scrape()
            await asyncio.wait_for(served.wait(), GENEROUS_SECONDS)
            await asyncio.sleep(0)  # until the connection is closed
            return result

    return asyncio.run(main())


class Guarded:
    """An exporter that answers only one user."""

    def __init__(self, user="prom:hunter2"):
        self.shown = []
        self._wanted = b"Basic " + base64.b64encode(user.encode())

    def __call__(self, head):
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        self.shown.append(fields.get(b"Authorization"))
        if self.shown[-1] != self._wanted:
            return answer(b"Unauthorized", b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n")
        return answer(EXPOSITION)


def test_exposition_is_read_with_the_right_password_also_after_a_change(run, folder):
    guarded = Guarded()

    async def scrapes(scraper, _):
        results = [await scraper.scrape()]
        (folder / "password").write_text("wrong")
        results.append(await scraper.scrape())
        (folder / "password").write_text("hunter2")
        results.append(await scraper.scrape())
        return results

    first, wrong, last = run(serving(folder), guarded, scrapes, PASSWORD)

    assert isinstance(first, Sample)
    assert wrong == ScrapeFailed("http", failures.http_password_wrong())
    assert isinstance(last, Sample)


def test_scrape_reports_missing_credentials_when_the_entry_names_none(run, folder):
    result = run(serving(folder), Guarded(), one_scrape)

    assert result == ScrapeFailed("http", failures.http_wants_credentials())


def test_credentials_are_sent_over_plain_http_when_the_entry_allows_it(run):
    http = HttpOptions(username="prom", password_file="password", credentials_over_http=True)

    assert isinstance(run(None, Guarded(), one_scrape, http), Sample)


@pytest.mark.parametrize(
    "where", ["https://127.0.0.1:{port}/metrics", "//localhost:{port}/metrics", "http://127.0.0.1:{port}/"]
)
def test_credentials_are_not_sent_elsewhere_when_the_exporter_redirects(run, target, folder, where):
    elsewhere = Guarded()

    async def scrape(scraper, exporter):
        async with RawExporter(elsewhere, serving(folder)) as other:
            exporter.where = where.format(port=other.port)
            return await scraper.scrape()

    async def main():
        resolver = Resolver()

        def respond(_):
            return answer(b"", f"HTTP/1.1 302 Found\r\nLocation: {exporter.where}\r\n".encode())

        async with RawExporter(respond, serving(folder)) as exporter, open_session(resolver, folder) as session:
            made = target("127.0.0.1", exporter.port, http=PASSWORD)
            return await scrape(ExporterScraper(session, resolver, made, GENEROUS_SECONDS), exporter)

    assert asyncio.run(main()) == ScrapeFailed("http", failures.http_redirects_elsewhere(302))
    assert elsewhere.shown == []


@pytest.mark.parametrize("shown", ["", "spy:word@", "spy@", ":@"])
@pytest.mark.parametrize("http", [PASSWORD, HTTPS], ids=["password", "no password"])
def test_redirect_does_not_change_the_credentials_when_it_contains_a_user_name(run, target, folder, shown, http):
    guarded = Guarded()

    async def main():
        resolver = Resolver()

        def respond(head):
            if b"GET /node/metrics" in head:
                return guarded(head)
            where = f"https://{shown}127.0.0.1:{exporter.port}/node/metrics"
            return answer(b"", f"HTTP/1.1 302 Found\r\nLocation: {where}\r\n".encode())

        async with RawExporter(respond, serving(folder)) as exporter, open_session(resolver, folder) as session:
            made = target("127.0.0.1", exporter.port, http=http)
            return await ExporterScraper(session, resolver, made, GENEROUS_SECONDS).scrape()

    result = asyncio.run(main())

    assert isinstance(result, Sample) == http.has_credentials
    assert guarded.shown == [b"Basic " + base64.b64encode(b"prom:hunter2") if http.has_credentials else None]


@pytest.mark.parametrize(
    ("host", "server_name", "expected"),
    [
        ("::1%1", None, "::1"),
        ("fe80::2%eth0", None, "fe80::2"),
        ("fe80::2%eth0", "pi.lan", "pi.lan"),
        ("::1", None, None),
    ],
)
def test_certificate_is_checked_for_the_address_without_its_zone(run, target, folder, host, server_name, expected):
    async def asked():
        async with open_session(Resolver(), folder) as session:
            http = HttpOptions(scheme="https", server_name=server_name)
            return Fetcher(session, target(host, 9100, http=http))._request_options().get("server_hostname")

    assert asyncio.run(asked()) == expected


def test_credentials_are_not_sent_when_the_certificate_is_not_trusted(run, folder):
    guarded = Guarded()
    http = HttpOptions(scheme="https", ca_file="other/ca.crt", username="prom", password_file="password")

    run(serving(folder), guarded, one_scrape, http)

    assert guarded.shown == []


async def _endless():
    yield OK + b"\r\n"
    while True:
        yield b"node_else one\n" * 4000


def test_limits_apply_when_an_endless_exposition_arrives_over_https(run, folder):
    async def scrape(scraper, _):
        async with loop_turns() as turns:
            result = await scraper.scrape()
        return result, scraper._budget.received_bytes, turns

    result, received, turns = run(serving(folder), lambda _: _endless(), scrape)

    assert result == ScrapeFailed("limit", failures.page_too_long(8 * 2**20))
    assert received < EXPOSITION_LIMIT_BYTES + 2**20
    # CPU time of one turn of the loop, including the server's work.
    assert max(turns) < 0.2
