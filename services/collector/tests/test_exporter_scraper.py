import asyncio
import socket
import subprocess
import sys
import threading
import time

import pytest

from collector.exporter_scraper import ExporterScraper, make_scraper, open_session
from collector.flow_control import EXPOSITION_LIMIT_BYTES, BoundedProtocol, MemoryBudget
from collector.local_scraper import LocalScraper
from collector.node_exporter import COLLECTORS, SERIES_LIMIT
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.targets.dns import Resolver
from tests.drivers.hostile_exporters import serve
from tests.drivers.loop_turns import loop_turns
from tests.drivers.raw_exporter import OK, answer
from tests.drivers.waiting import until

GENEROUS_SECONDS = 30.0
ELSEWHERE = "HTTP 301 redirect to another address, which the collector does not follow"


@pytest.fixture
def scrape(scrape_with):
    """Return a function that scrapes an exporter, and returns the last result and the exporter."""

    def run(respond, *, times=1, **given):
        results, exporter = scrape_with(respond, times, **given)
        return results[-1], exporter

    return run


def test_scrape_returns_a_sample_when_an_exporter_answers(scrape, exposition):
    result, exporter = scrape(lambda _: answer(exposition("node_exporter_1.5.0_collect")), times=3)

    assert isinstance(result, Sample)
    assert result.memory_total_bytes == 25276514304
    # All scrapes use one connection. After the first scrape, requests name the needed collectors.
    assert exporter.connections == 1
    assert len(exporter.requests) == 3
    assert exporter.requests[0].startswith(b"GET /metrics HTTP/1.1\r\n")
    for request in exporter.requests[1:]:
        line = request.split(b"\r\n")[0].replace(b"%5B%5D", b"[]")
        assert line.startswith(b"GET /metrics?")
        assert all(f"collect[]={name}".encode() in line for name in COLLECTORS)
    assert b"accept-encoding: identity" in exporter.requests[0].lower()


def test_scrape_is_repeated_when_this_process_was_paused_meanwhile(scrape_with, exposition):
    timeout, heads = 2.0, []

    def respond(head):
        heads.append(head)
        if len(heads) == 1:
            time.sleep(1.2 * timeout)  # the exporter and the scraper are in this process
        return answer(exposition("node_exporter_1.5.0_collect"))

    [result], _ = scrape_with(respond, timeout=timeout)

    assert isinstance(result, Sample)
    assert len(heads) == 2


def test_scrape_returns_a_sample_when_the_exposition_is_chunked(scrape, exposition):
    raw = exposition("raspberry_pi")

    async def parts():
        yield OK + b"Transfer-Encoding: chunked\r\n\r\n"
        for start in range(0, len(raw), 1000):
            part = raw[start : start + 1000]
            yield f"{len(part):x}\r\n".encode() + part + b"\r\n"
        yield b"0\r\n\r\n"

    result, _ = scrape(lambda _: parts())

    assert isinstance(result, Sample)
    assert result.temperature == 51.608


@pytest.mark.parametrize("status", [b"400 Bad Request", b"500 Internal Server Error"])
def test_scrape_requests_the_whole_exposition_when_the_exporter_refuses_a_collector(scrape, exposition, status):
    def respond(head):
        if b"collect" in head:
            return answer(b"disabled collector: hwmon", b"HTTP/1.1 " + status + b"\r\n")
        return answer(exposition("node_exporter_1.5.0"))

    result, exporter = scrape(respond, times=3)

    assert isinstance(result, Sample)
    # The refusal is remembered after the first scrape.
    assert [b"collect" in head for head in exporter.requests] == [False, True, False, False]


@pytest.mark.parametrize(
    "answered",
    [
        answer(b"404 exposition not found\n", b"HTTP/1.1 404 Not Found\r\n"),
        answer(b"", b"HTTP/1.1 403 Forbidden\r\n"),
        answer(b"", b"HTTP/1.1 405 Method Not Allowed\r\n"),
        answer(b"", b"HTTP/1.1 302 Found\r\nLocation: http://sign.in/\r\n"),
        answer(b""),
        answer(b"<html>no such exposition</html>\n"),
        answer(b"node_load1 0.5"[:-1] + b"\xff"),
    ],
    ids=["404", "403", "405", "sign in", "empty", "html", "damaged"],
)
def test_every_scrape_returns_a_sample_when_the_exporter_does_not_know_filters(scrape_with, exposition, answered):
    def respond(head):
        return answered if b"collect" in head else answer(exposition("node_exporter_1.5.0"))

    results, exporter = scrape_with(respond, 5)

    assert all(isinstance(result, Sample) and result.root is not None for result in results)
    # One request has a filter.
    assert sum(b"collect" in head for head in exporter.requests) == 1


def test_scrape_leaves_out_only_pressure_when_the_exporter_does_not_have_it(scrape, exposition):
    def respond(head):
        if b"pressure" in head:
            return answer(b"missing collector: pressure", b"HTTP/1.1 400 Bad Request\r\n")
        return answer(exposition("node_exporter_1.5.0_collect"))

    result, exporter = scrape(respond, times=3)

    # The whole exposition, without pressure, comes first.
    assert isinstance(result, Sample)
    assert [b"collect" in head for head in exporter.requests] == [False, True, True]


def test_scrape_uses_the_filter_again_when_filtered_and_whole_requests_failed(scrape):
    result, exporter = scrape(lambda _: answer(b"", b"HTTP/1.1 500 Broken\r\n"), times=2)

    assert result == ScrapeFailed("http", failures.http_status(500))
    assert [b"collect" in head for head in exporter.requests] == [False, True, False, True]


def test_scrape_requests_and_keeps_the_description_of_interfaces_when_there_is_a_new_one(scrape):
    was_asked = []

    def respond(head):
        # A request for the whole exposition includes netclass, too.
        was_asked.append(b"netclass" in head or b"collect" not in head)
        devices = ("eth0", "office") if len(was_asked) < 4 else ("eth0", "office", "guests")
        lines = [
            f'node_network_{way}_bytes_total{{device="{device}"}} 1'
            for way in ("receive", "transmit")
            for device in devices
        ]
        if was_asked[-1]:
            lines += [f'node_network_iface_id{{device="{device}"}} {n}' for n, device in enumerate(devices, 2)]
            lines += [f'node_network_iface_link{{device="{device}"}} 2' for device in devices]
        return answer("\n".join([*lines, ""]).encode())

    result, _ = scrape(respond, times=6)

    assert isinstance(result, Sample)
    assert list(result.network_bytes) == ["eth0"]
    assert was_asked == [True, False, False, False, True, False]


@pytest.mark.parametrize(
    ("response", "reason", "sentence"),
    [
        (answer(b"", b"HTTP/1.1 404 Not Found\r\n"), "http", "HTTP 404"),
        (answer(b"", b"HTTP/1.1 503 Busy\r\n"), "http", "HTTP 503"),
        (answer(b"", b"HTTP/1.1 301 Moved\r\nLocation: https://[\r\n"), "http", ELSEWHERE),
        (
            answer(b"", b"HTTP/1.1 302 Found\r\nLocation: /metrics\r\n"),
            "http",
            "HTTP 302 twice, and the collector follows one redirect only",
        ),
        (answer(b"<html>hello</html>"), "page", "answer is not a node_exporter exposition"),
        (answer(b"\x00\xff{}" * 5000), "page", "answer is not a node_exporter exposition"),
        (answer(b"node_load1 1\nnode_cpu_seconds_total{cpu"), "page", "exposition is damaged"),
        (answer(b"node_load1 1\n\xff\n"), "page", "exposition is damaged"),
        (
            answer(b"x", OK + b"Content-Encoding: br\r\n"),
            "page",
            "answer has an unsupported compression (gzip and deflate are supported)",
        ),
        (b"garbage\r\n\r\n", "http", "answer is not HTTP"),
        (OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n", "limit", "headers of the answer are longer than 32 KiB"),
        (None, "http", "connection closed without an answer"),
        (
            OK + f"Content-Length: {EXPOSITION_LIMIT_BYTES + 1}\r\n\r\n".encode(),
            "limit",
            "exposition is longer than 8 MiB",
        ),
    ],
)
def test_scrape_fails_with_a_sentence_when_the_answer_is_no_exposition(scrape, response, reason, sentence):
    result, _ = scrape(lambda _: response)

    assert (result.reason, result.sentence) == (reason, sentence)


async def _endless(head, part):
    yield head
    while True:
        yield part


@pytest.mark.parametrize(
    ("head", "part", "reason", "sentence"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "limit", "headers of the answer are longer than 32 KiB"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Filler: a\r\n" * 50, "limit", "headers of the answer are longer than 32 KiB"),
        (b"HTTP/1.1 200 OK\r\nX-Filler: ", b"a" * 500, "limit", "headers of the answer are longer than 32 KiB"),
        (OK + b"\r\n", b"node_load1 1\n" * 1000, "limit", f"exposition has more than {SERIES_LIMIT:,} series"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 5000, "limit", "exposition is longer than 8 MiB"),
    ],
    ids=["interim answers", "header fields", "header field", "series", "chunks of a byte"],
)
def test_scrape_names_the_exceeded_limit_when_an_answer_does_not_end(scrape, head, part, reason, sentence):
    result, _ = scrape(lambda _: _endless(head, part))

    assert (result.reason, result.sentence) == (reason, sentence)


def test_scrape_reports_a_long_exposition_when_it_does_not_end_in_time(scrape):
    async def parts():
        yield OK + b"\r\n" + b"# nothing that is read\n" * 20_000
        await asyncio.sleep(3600)

    result, _ = scrape(lambda _: parts(), timeout=1.0)

    assert result == ScrapeFailed("limit", failures.page_unended(128 * 2**10, 1))


@pytest.mark.parametrize("kind", ["processors", "series", "disks", "mounts", "body", "chunks"])
def test_scrape_does_not_block_the_loop_when_an_exposition_has_the_maximum_length(target, kind):
    async def run():
        resolver = Resolver()
        async with open_session(resolver) as session, loop_turns() as turns:
            await ExporterScraper(session, resolver, target("127.0.0.1", serve(kind)), GENEROUS_SECONDS).scrape()
            await asyncio.sleep(0.01)  # the last turn ends after the scrape
        return turns

    # CPU time of one turn of the loop. In one piece, such an exposition takes at least 0.15 s.
    assert max(asyncio.run(run())) < 0.1


def test_scrape_returns_a_sample_when_a_machine_has_a_thousand_processors(scrape):
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    lines = "".join(
        f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}} 1.5\n' for cpu in range(1024) for mode in modes
    )
    exposition = (lines + "# and much that is not read\n" * 100_000).encode()
    assert len(exposition) > 3 * 2**20

    result, exporter = scrape(lambda _: answer(exposition), times=3)

    assert isinstance(result, Sample)
    assert len(result.cpu_seconds) == 8192
    assert exporter.connections == 1


def test_failure_names_the_closed_connection_when_it_closes_before_the_request(scrape_with, monkeypatch):
    monkeypatch.setattr(BoundedProtocol, "receive_from", lambda transport, *_: transport.abort())

    [result], exporter = scrape_with(lambda _: answer(b""))

    assert result == ScrapeFailed("http", failures.closed_without_answer())
    assert exporter.requests == []


def test_connection_is_closed_when_an_exporter_sends_bytes_after_its_answer(scrape_with, exposition):
    sent = 0
    scraped = asyncio.Event()

    async def parts():
        nonlocal sent
        yield answer(exposition("node_exporter_1.5.0_collect"))
        if not scraped.is_set():
            await scraped.wait()
            while True:
                yield b"x" * 65536
                sent += 65536

    async def twice(scraper, exporter):
        first = await scraper.scrape()
        scraped.set()
        await until(lambda: not exporter.is_serving, within_seconds=GENEROUS_SECONDS)
        return first, await scraper.scrape()

    assert all(isinstance(result, Sample) for result in scrape_with(lambda _: parts(), twice))
    # The limit plus the buffers of the sockets.
    assert sent < 40 * 2**20


def test_scrape_fails_when_the_memory_for_large_expositions_is_in_use(scrape_with, exposition):
    large = "".join(
        f'node_disk_{kind}_bytes_total{{device="sd{number}"}} 1\n'
        for kind in ("read", "written")
        for number in range(2000)
    ).encode()

    responses = [large, large, exposition("node_exporter_1.5.0_collect")]

    async def run(scraper, _):
        scraper._fetcher._connector.memory = MemoryBudget(1_500_000)
        first, second = [await scraper.scrape() for _ in range(2)]
        responses[0] = responses[2]
        return first, second, await scraper.scrape()

    first, second, small = scrape_with(lambda _: answer(responses[0]), run)

    assert isinstance(first, Sample)
    assert second == ScrapeFailed("limit", failures.page_of_too_many_values())
    assert isinstance(small, Sample)


def test_scrape_fails_when_the_answer_ends_early(scrape):
    async def parts():
        yield OK + b"Content-Length: 1000\r\n\r\nnode_load1 1\n"
        raise OSError

    result, _ = scrape(lambda _: parts())

    assert result == ScrapeFailed("http", failures.answer_ended_early())


def test_scrape_reads_up_to_the_limit_when_an_exposition_does_not_end(scrape):
    sent = 0

    async def parts():
        nonlocal sent
        yield OK + b"\r\n"
        while sent < 100 * 2**20:
            yield b"x" * 65536
            sent += 65536

    result, _ = scrape(lambda _: parts())

    assert result == ScrapeFailed("limit", failures.page_too_long(8 * 2**20))
    # The limit plus the buffers of the sockets.
    assert sent < 40 * 2**20


async def _drops():
    yield OK + b"\r\nnode_load1 "
    while True:
        await asyncio.sleep(0.05)
        yield b"1"


async def _silence():
    await asyncio.sleep(3600)
    yield b""


@pytest.mark.parametrize("parts", [_drops, _silence], ids=["a byte at a time", "nothing"])
def test_scrape_ends_in_time_when_the_exporter_is_slow(scrape, parts):
    result, _ = scrape(lambda _: parts(), timeout=0.3)

    assert result == ScrapeFailed("timeout", failures.no_answer_within(0.3))


@pytest.fixture
def scrape_alone(target):
    """Return a function that scrapes a target once, and returns the result."""

    async def run(host, port=9100, timeout=GENEROUS_SECONDS):
        resolver = Resolver()
        async with open_session(resolver) as session:
            result = await ExporterScraper(session, resolver, target(host, port), timeout).scrape()
        await resolver.close()
        return result

    return lambda *given: asyncio.run(run(*given))


def test_scrape_reports_connection_refused_when_no_process_listens(scrape_alone):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        assert scrape_alone(*unused.getsockname()) == ScrapeFailed("connect", failures.connection_refused())


def test_scrape_reaches_an_exporter_when_the_target_is_a_host_name(scrape_with, exposition, monkeypatch):
    monkeypatch.setattr("collector.targets.dns.look_up", lambda host: ((socket.AF_INET, "127.0.0.1"),))

    [result], _ = scrape_with(lambda _: answer(exposition("raspberry_pi")), host="pi-é.lan")

    assert isinstance(result, Sample)


def test_scrape_reports_name_not_found_when_the_name_does_not_exist(scrape_alone, monkeypatch):
    def fail(host):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("collector.targets.dns.look_up", fail)

    assert scrape_alone("no.lan") == ScrapeFailed("name", failures.name_not_found())


def test_scrape_reports_name_not_found_when_the_name_service_is_slow(scrape_alone, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr("collector.targets.dns.look_up", lambda _: release.wait(60) and ())

    result = scrape_alone("pi-é.local", 9100, 0.2)
    release.set()

    assert result == ScrapeFailed("name", failures.name_not_found_within(0.2))


@pytest.fixture
def local(target):
    return target("local", address="local", node="laptop")


def made(target, local_exporter=None):
    async def make():
        resolver = Resolver()
        async with open_session(resolver) as session:
            scraper = make_scraper(target, session, resolver, timeout_seconds=20.0, local_exporter=local_exporter)
            return scraper, await scraper.scrape() if target.is_local else None

    return asyncio.run(make())


def test_other_machine_is_scraped_through_its_own_exporter_with_any_setting(target):
    scraper, _ = made(target("pi.lan"), ("exporter", 9200))

    assert isinstance(scraper, ExporterScraper)
    assert scraper.host == "pi.lan"


def test_this_machine_is_read_without_an_exporter_when_no_exporter_is_set(local):
    assert isinstance(made(local)[0], LocalScraper)


def test_psutil_is_not_loaded_before_a_target_needs_it():
    code = "import sys, collector.__main__; print('psutil' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_this_machine_is_scraped_through_the_configured_exporter(local, exporter):
    scraper, result = made(local, ("127.0.0.1", exporter))

    assert isinstance(scraper, ExporterScraper)
    assert isinstance(result, Sample)
    assert result.host_name == "node6"
