"""Fetching expositions in all common encodings, within limits."""

import asyncio
import gzip
import time
import zlib

import pytest

from collector.exporter_scraper import ExporterScraper, open_session
from collector.fetch import MEMBERS_LIMIT
from collector.flow_control import EXPOSITION_LIMIT_BYTES, PIECE_BYTES
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.targets.dns import Resolver
from tests.drivers.loop_turns import loop_turns
from tests.drivers.raw_exporter import OK, RawExporter, answer

GENEROUS_SECONDS = 30.0
EXPOSITION = b"node_load1 0.5\nnode_memory_MemTotal_bytes 4096\n"


def bare(exposition):
    """Return deflated bytes without zlib's header, as some servers send."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(exposition) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("deflate", zlib.compress), ("deflate", bare)],
    ids=["gzip", "x-gzip", "deflate", "deflate without a head"],
)
def test_exposition_is_read_when_it_is_compressed(scrape_with, exposition, encoding, compress):
    raw = exposition("node_exporter_1.5.0")
    head = OK + f"Content-Encoding: {encoding}\r\n".encode()

    (plain, packed), _ = scrape_with(
        lambda request: answer(compress(raw), head) if b"collect" in request else answer(raw), 2
    )

    assert isinstance(packed, Sample)
    assert packed.memory_total_bytes == plain.memory_total_bytes
    assert packed.cpu_seconds == plain.cpu_seconds
    assert packed.filesystems == plain.filesystems


def test_exposition_is_read_when_its_compressed_bytes_arrive_one_by_one(scrape_with):
    async def parts():
        yield OK + b"Content-Encoding: gzip\r\n\r\n"
        for byte in gzip.compress(EXPOSITION):
            yield bytes([byte])

    async def closing():
        async for part in parts():
            yield part
        raise OSError

    [result], _ = scrape_with(lambda _: closing())

    assert isinstance(result, Sample)


@pytest.mark.parametrize(
    "members",
    [
        (b"node_load1 0.5\n", b"node_memory_MemTotal_bytes 4096\n"),
        # A member may end anywhere, and be empty.
        (b"", b"node_lo", b"ad1 0.5\nnode_memory_Mem", b"", b"Total_bytes 4096", b""),
        # Each member has more bytes than one inflated piece.
        (EXPOSITION + b"#" * 2 * PIECE_BYTES + b"\n", b"#" * 2 * PIECE_BYTES),
    ],
    ids=["two", "six", "long"],
)
@pytest.mark.parametrize("in_pieces", [False, True])
def test_exposition_is_read_when_it_is_compressed_in_several_members(scrape_with, members, in_pieces):
    body = b"".join(map(gzip.compress, members))
    head = OK + b"Content-Encoding: gzip\r\n"

    async def parts():
        yield head + b"Transfer-Encoding: chunked\r\n\r\n"
        for byte in body:
            yield b"1\r\n%c\r\n" % byte
        yield b"0\r\n\r\n"

    [result], _ = scrape_with(lambda _: parts() if in_pieces else answer(body, head))

    assert isinstance(result, Sample)
    assert (result.load1, result.memory_total_bytes) == (0.5, 4096)


def test_exposition_is_read_when_its_encoding_is_empty(scrape_with):
    [result], _ = scrape_with(lambda _: answer(EXPOSITION, OK + b"Content-Encoding: \r\n"))

    assert isinstance(result, Sample)


@pytest.mark.parametrize(
    ("body", "reason", "sentence"),
    [
        (gzip.compress(EXPOSITION)[:-1], "page", "exposition is damaged"),
        (gzip.compress(EXPOSITION)[:-8] + bytes(8), "page", "exposition is damaged"),
        (gzip.compress(EXPOSITION) + b"x", "page", "exposition is damaged"),
        (gzip.compress(EXPOSITION) + bytes(64), "page", "exposition is damaged"),
        (2 * gzip.compress(EXPOSITION)[:-1], "page", "exposition is damaged"),
        ((MEMBERS_LIMIT + 1) * gzip.compress(EXPOSITION), "page", "exposition is damaged"),
        (b"", "page", "exposition is damaged"),
        (EXPOSITION, "page", "exposition is damaged"),
        # 8 KB that inflate to 8 MB, and to more.
        (gzip.compress(b"#" * EXPOSITION_LIMIT_BYTES), "page", "answer is not a node_exporter exposition"),
        (gzip.compress(b"#" * (EXPOSITION_LIMIT_BYTES + 1)), "limit", "exposition is longer than 8 MiB"),
        (gzip.compress(b"#" * 200 * 2**20), "limit", "exposition is longer than 8 MiB"),
        (3 * gzip.compress(b"#" * (EXPOSITION_LIMIT_BYTES // 3 + 1)), "limit", "exposition is longer than 8 MiB"),
    ],
    ids=[
        *("cut", "wrong checksum", "more behind", "zeros behind", "cut members", "very many members", "empty"),
        *("not compressed", "as long as may be", "too long", "a bomb", "too long in parts"),
    ],
)
def test_scrape_fails_with_a_sentence_when_a_compressed_exposition_is_invalid(scrape_with, body, reason, sentence):
    [result], _ = scrape_with(lambda _: answer(body, OK + b"Content-Encoding: gzip\r\n"))

    assert (result.reason, result.sentence) == (reason, sentence)


def test_scrape_does_not_block_the_loop_when_a_compressed_exposition_inflates_a_thousandfold(scrape_with):
    bomb = gzip.compress(b"node_load1 one\n" * (EXPOSITION_LIMIT_BYTES // 15))

    async def watched(scraper, _):
        async with loop_turns() as turns:
            await scraper.scrape()
        return turns

    turns = scrape_with(lambda _: answer(bomb, OK + b"Content-Encoding: gzip\r\n"), watched)
    # CPU time of one turn of the loop.
    assert max(turns) < 0.1


async def _chunked(exposition):
    yield OK + b"Transfer-Encoding: chunked\r\n\r\n"
    yield f"{len(exposition):x}\r\n".encode() + exposition + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "last",
    [b"node_load1 0.5", b"# EOF", b'node_uname_info{nodename="pi\\"}"} 1 1700000000000', b"node_load1 0.5\n", b"x NaN"],
)
@pytest.mark.parametrize("send", [answer, _chunked])
def test_exposition_is_read_when_its_last_line_has_no_line_feed_and_its_length_is_known(scrape_with, send, last):
    [result], _ = scrape_with(lambda _: send(b"node_load1 0.5\n" + last))

    assert isinstance(result, Sample)
    assert result.load1 == 0.5


@pytest.mark.parametrize(
    "last", [b"node_load1", b"node_load5 ", b'node_x{a="b', b'node_x{a="b"}', b"node_x 1 2 3", b"node_load1 \xff"]
)
def test_exposition_is_damaged_when_its_last_line_is_incomplete(scrape_with, last):
    [result], _ = scrape_with(lambda _: answer(b"node_load1 0.5\n" + last))

    assert result == ScrapeFailed("page", failures.page_damaged())


def test_exposition_is_damaged_when_it_ends_without_a_line_feed_and_its_length_is_unknown(scrape_with):
    async def parts():
        yield OK + b"\r\nnode_load1 0.5\nnode_load5 0.5"
        raise OSError

    [result], _ = scrape_with(lambda _: parts())

    assert result == ScrapeFailed("page", failures.page_damaged())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/node/metrics", "http://127.0.0.1:{port}/node/metrics", "node/metrics"])
def test_exposition_is_read_when_a_redirect_leads_to_it_on_the_same_host(target, status, location):
    async def run():
        resolver = Resolver()

        def respond(head):
            if b"GET /node/metrics" in head:
                return answer(EXPOSITION)
            where = location.format(port=exporter.port)
            return answer(b"moved", f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\n".encode())

        async with RawExporter(respond) as exporter, open_session(resolver) as session:
            return await ExporterScraper(
                session, resolver, target("127.0.0.1", exporter.port), GENEROUS_SECONDS
            ).scrape()

    assert isinstance(asyncio.run(run()), Sample)


def test_redirect_is_not_followed_when_it_leads_to_another_port_or_scheme(target):
    async def run():
        resolver = Resolver()
        async with RawExporter(lambda _: answer(EXPOSITION)) as other, open_session(resolver) as session:
            results = []
            for where in (
                f"http://127.0.0.1:{other.port}/",
                f"//localhost:{other.port}/",
                "https:/",
                "ftp://127.0.0.1/",
            ):
                head = f"HTTP/1.1 302 Found\r\nLocation: {where}\r\n".encode()
                async with RawExporter(lambda _, head=head: answer(b"", head)) as exporter:
                    scraper = ExporterScraper(session, resolver, target("127.0.0.1", exporter.port), GENEROUS_SECONDS)
                    results.append(await scraper.scrape())
            return results, other.requests

    results, requests = asyncio.run(run())
    assert requests == []
    told = "HTTP 302 redirect to another address, which the collector does not follow"
    assert {result.sentence for result in results} == {told}


def test_clock_offset_is_zero_when_the_nodes_time_lies_between_request_and_answer(scrape_with):
    """The offset of a slow exporter's clock is 0, whether it reads the clock first or last."""

    async def late(reads_clock_first):
        now = time.time()
        await asyncio.sleep(0.4)
        yield answer(f"node_time_seconds {now if reads_clock_first else time.time():.6f}\n".encode())

    for reads_clock_first in (True, False):
        [result], _ = scrape_with(lambda _, first=reads_clock_first: late(first))
        assert result.clock_offset_seconds == 0.0
        assert result.uncertainty_seconds >= 0.2


def test_clock_offset_is_the_distance_from_the_time_between_request_and_answer(scrape_with):
    def respond(seconds):
        return lambda _: answer(f"node_time_seconds {time.time() + seconds:.6f}\n".encode())

    for seconds in (60.0, -60.0):
        [result], _ = scrape_with(respond(seconds))
        assert abs(result.clock_offset_seconds) <= 60.0
        assert result.clock_offset_seconds == pytest.approx(seconds, abs=2 * result.uncertainty_seconds + 0.01)
