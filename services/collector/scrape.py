"""Look at one node through its exporter. A look that fails is a result too, never an error that escapes."""

import asyncio
import errno
import os
import time
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import aiohttp
from yarl import URL

from collector.intake import FREE_BYTES, LONG_BYTES, PAGE_LIMIT_BYTES, BoundedConnector, Share, current_allowance
from collector.interfaces import KnownInterfaces
from collector.page import (
    COLLECTORS,
    INTERFACE_COLLECTORS,
    OPTIONAL_COLLECTORS,
    SERIES_LIMIT,
    NotNodeExporter,
    PageReader,
    TooManySeries,
)
from collector.resolver import Resolver
from collector.sample import Sample
from collector.targets import Target

#: Seconds after which an exporter that refused ``collect[]`` is asked for all collectors again.
PLAIN_SECONDS: Final = 600.0
#: What node_exporter answers where one of the collectors asked for is switched off, or unknown to it.
_REFUSED_COLLECT: Final = (400, 500)
#: Seconds after the end of its time at which a look still counts as one that the node has failed.
LATE_SECONDS: Final = 0.1
_HEADERS: Final = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}

Reason = Literal["name", "connect", "timeout", "http", "page", "limit", "internal"]
_OF_ERRNO: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "no answer",
    errno.EHOSTDOWN: "host is down",
}


@dataclass(frozen=True, slots=True)
class ScrapeFailed:
    """Why a look failed: a kind to count by, and a short sentence for people."""

    reason: Reason
    sentence: str


class Probe(Protocol):
    """Looks at one node, again and again, one look at a time."""

    async def look(self) -> Sample | ScrapeFailed:
        """Return what the node tells now, within the scrape timeout."""


def open_session(resolver: Resolver) -> aiohttp.ClientSession:
    """Return the HTTP session that all probes share. To be called, and closed, under a running loop."""
    return aiohttp.ClientSession(
        connector=BoundedConnector(resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # each look has one of its own, over all it does
        headers=_HEADERS,
        auto_decompress=False,
    )


class HttpProbe:
    """Looks at a node through the node_exporter at the target's host and port."""

    def __init__(self, session: aiohttp.ClientSession, resolver: Resolver, target: Target, timeout_seconds: float):
        #: Where the exporter is.
        self.host = target.host
        assert isinstance(session.connector, BoundedConnector)
        self._session = session
        self._turns, self._room = session.connector.turns, session.connector.room
        self._allowance = session.connector.allowance(target.host, target.port)
        self._resolver = resolver
        self._timeout_seconds = timeout_seconds
        self._plain = URL.build(scheme="http", host=target.host, port=target.port, path="/metrics")
        #: What to ask for: all collectors, those that every exporter has, and the whole page.
        self._ways = (
            self._plain.with_query([("collect[]", name) for name in (*COLLECTORS, *OPTIONAL_COLLECTORS)]),
            self._plain.with_query([("collect[]", name) for name in COLLECTORS]),
            self._plain,
        )
        self._way = 0
        self._way_until = 0.0
        self._interfaces = KnownInterfaces()

    async def look(self) -> Sample | ScrapeFailed:
        """Return what the node tells now, within the scrape timeout."""
        current_allowance.set(self._allowance)
        result = await self._look_for_result()
        if isinstance(result, ScrapeFailed) and self._allowance.excess is not None:
            return ScrapeFailed("limit", self._allowance.excess)
        return result

    async def _look_for_result(self) -> Sample | ScrapeFailed:
        try:
            return await self._look_in_time()
        except TimeoutError:
            waited = f"within {self._timeout_seconds:g} s"
            if self._allowance.received > LONG_BYTES:
                return ScrapeFailed("limit", f"page of more than {LONG_BYTES // 2**10} KiB did not end {waited}")
            if self._resolver.is_waiting_for(self._plain.raw_host or ""):
                return ScrapeFailed("name", f"name not found {waited}")
            return ScrapeFailed("timeout", f"no answer {waited}")
        except aiohttp.ClientConnectorDNSError:
            return ScrapeFailed("name", "name not found")
        except aiohttp.ClientConnectorError as error:
            return ScrapeFailed("connect", _sentence(error.os_error, "cannot connect"))
        except aiohttp.ServerDisconnectedError:
            return ScrapeFailed("http", "connection closed without an answer")
        except aiohttp.ClientPayloadError:
            return ScrapeFailed("http", "answer ended early")
        except aiohttp.ClientResponseError:
            return ScrapeFailed("http", "answer is not HTTP")
        except aiohttp.ClientOSError as error:
            return ScrapeFailed("connect", _sentence(error, "connection lost"))
        except aiohttp.ClientError as error:
            return ScrapeFailed("http", f"answer is not valid ({type(error).__name__})")

    async def _look_in_time(self) -> Sample | ScrapeFailed:
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                return await self._look()
        except TimeoutError:
            if now() - deadline < LATE_SECONDS:
                raise
        # This process was paused: the answer may have come long ago, and nobody was there to take it.
        async with asyncio.timeout(self._timeout_seconds):
            return await self._look()

    async def _look(self) -> Sample | ScrapeFailed:
        now = time.monotonic
        begun = way = self._way if now() < self._way_until else 0
        is_due = self._interfaces.is_due(now()) and self._ways[begun] is not self._plain
        answer: Sample | ScrapeFailed | None = None
        if is_due:
            more = self._ways[begun].extend_query([("collect[]", name) for name in INTERFACE_COLLECTORS])
            answer = await self._get(more)
        if answer is None or isinstance(answer, _Refused):
            for way in range(begun, len(self._ways)):
                answer = await self._get(self._ways[way])
                if not isinstance(answer, _Refused):
                    break
        if isinstance(answer, Sample):
            if way != begun:
                self._way, self._way_until = way, now() + PLAIN_SECONDS
            elif is_due:
                self._interfaces.asked(now())
        assert answer is not None
        return answer

    async def _get(self, url: URL) -> Sample | ScrapeFailed:
        self._allowance.begin()
        try:
            begun = time.monotonic()
            async with self._session.get(url, allow_redirects=False) as response:
                # The exporter looks at its clock between taking the request and answering it.
                half = (time.monotonic() - begun) / 2
                monotonic_seconds, unix_seconds = begun + half, time.time() - half
                if response.status != 200:
                    refused = response.status in _REFUSED_COLLECT and url is not self._plain
                    return (_Refused if refused else ScrapeFailed)("http", f"HTTP {response.status}")
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    return ScrapeFailed("page", "answer is compressed, which was not asked for")
                if (response.content_length or 0) > PAGE_LIMIT_BYTES:
                    return ScrapeFailed("limit", f"page is longer than {PAGE_LIMIT_BYTES // 2**20} MiB")
                self._allowance.expect_page()
                return await self._read(response.content, monotonic_seconds, unix_seconds)
        finally:
            self._allowance.end()

    async def _read(
        self, content: aiohttp.StreamReader, monotonic_seconds: float, unix_seconds: float
    ) -> Sample | ScrapeFailed:
        reader = PageReader(self._interfaces)
        share = Share(self._room)
        try:
            async for piece in content.iter_any():
                reader.feed(piece)
                if not share.hold(reader.held_bytes):
                    return ScrapeFailed("limit", "page has more values than there is memory for")
            if self._allowance.received > FREE_BYTES:
                await self._turns.turn(self._allowance.weight)
            sample = reader.sample(monotonic_seconds=monotonic_seconds, unix_seconds=unix_seconds)
            if not reader.is_whole:
                return ScrapeFailed("page", "page is damaged")
            share.hold(sample.held_bytes)
            share.hold_for(sample)
            return sample
        except NotNodeExporter:
            return ScrapeFailed("page", "not a node_exporter page")
        except TooManySeries:
            return ScrapeFailed("limit", f"page has more than {SERIES_LIMIT} series")
        finally:
            share.hold(0)


class _Refused(ScrapeFailed):
    """The exporter does not take the collectors asked for."""

    __slots__ = ()


def _sentence(error: OSError, otherwise: str) -> str:
    if error.errno is None:
        return otherwise
    known = _OF_ERRNO.get(error.errno)
    return known or (f"{otherwise} ({os.strerror(error.errno)})" if error.errno > 0 else otherwise)
