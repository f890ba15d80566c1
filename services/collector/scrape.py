"""Look at one node through its exporter. A look that fails is a result too, never an error that escapes."""

import asyncio
import errno
import os
import time
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import aiohttp
from yarl import URL

from collector.page import COLLECTORS, NotNodeExporter, read_page
from collector.resolver import Resolver
from collector.sample import Sample
from collector.targets import Target

#: Bytes above which a page is not read on. A machine with everything switched on gives about 1 MiB.
PAGE_LIMIT_BYTES: Final = 8 * 1024 * 1024
#: Seconds after which an exporter that refused ``collect[]`` is asked with it again.
PLAIN_SECONDS: Final = 600.0
#: What node_exporter answers where one of the collectors asked for is switched off, or unknown to it.
_REFUSED_COLLECT: Final = (400, 500)
#: Seconds after the end of its time at which a look still counts as one that the node has failed.
LATE_SECONDS: Final = 0.1
_HEADERS: Final = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}

Reason = Literal["name", "connect", "timeout", "http", "page", "internal"]
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
        connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=0),
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
        self._session = session
        self._resolver = resolver
        self._timeout_seconds = timeout_seconds
        self._plain = URL.build(scheme="http", host=target.host, port=target.port, path="/metrics")
        self._filtered = self._plain.with_query([("collect[]", name) for name in COLLECTORS])
        self._plain_until = 0.0

    async def look(self) -> Sample | ScrapeFailed:
        """Return what the node tells now, within the scrape timeout."""
        try:
            return await self._look_in_time()
        except TimeoutError:
            waited = f"within {self._timeout_seconds:g} s"
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
        if time.monotonic() < self._plain_until:
            return await self._get(self._plain)
        answer = await self._get(self._filtered)
        if isinstance(answer, _Refused):
            answer = await self._get(self._plain)
            if isinstance(answer, Sample):
                self._plain_until = time.monotonic() + PLAIN_SECONDS
        return answer

    async def _get(self, url: URL) -> Sample | ScrapeFailed:
        begun = time.monotonic()
        async with self._session.get(url, allow_redirects=False) as response:
            # The exporter looks at its clock between taking the request and answering it.
            half = (time.monotonic() - begun) / 2
            monotonic_seconds, unix_seconds = begun + half, time.time() - half
            if response.status != 200:
                refused = response.status in _REFUSED_COLLECT and url is self._filtered
                return (_Refused if refused else ScrapeFailed)("http", f"HTTP {response.status}")
            if response.headers.get("Content-Encoding", "identity") != "identity":
                return ScrapeFailed("page", "answer is compressed, which was not asked for")
            page = await _read(response)
        if page is None:
            return ScrapeFailed("page", f"page is longer than {PAGE_LIMIT_BYTES // 2**20} MiB")
        try:
            sample = read_page(page, monotonic_seconds=monotonic_seconds, unix_seconds=unix_seconds)
        except NotNodeExporter:
            return ScrapeFailed("page", "not a node_exporter page")
        return sample if _is_whole(page) else ScrapeFailed("page", "page is damaged")


class _Refused(ScrapeFailed):
    """The exporter does not take the collectors asked for."""

    __slots__ = ()


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the body, or ``None`` where it is too long; the connection is then closed."""
    chunks: list[bytes] = []
    length = response.content_length or 0
    if length <= PAGE_LIMIT_BYTES:
        length = 0
        async for chunk in response.content.iter_any():
            length += len(chunk)
            if length > PAGE_LIMIT_BYTES:
                break
            chunks.append(chunk)
    if length > PAGE_LIMIT_BYTES:
        response.close()
        return None
    return b"".join(chunks)


def _is_whole(page: bytes) -> bool:
    """Whether the page is text that ends with its last line, as the exposition format has it.

    Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
    """
    try:
        page.decode()
    except UnicodeDecodeError:
        return False
    return page.endswith(b"\n")


def _sentence(error: OSError, otherwise: str) -> str:
    if error.errno is None:
        return otherwise
    known = _OF_ERRNO.get(error.errno)
    return known or (f"{otherwise} ({os.strerror(error.errno)})" if error.errno > 0 else otherwise)
