"""Fetch one page of an exporter: ask, follow one redirect, inflate and read what comes, within bounds."""

import re
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
from yarl import URL

from collector.collect_filter import ExpositionNotes, RequestedCollectors
from collector.flow_control import (
    EXPOSITION_LIMIT_BYTES,
    PIECE_BYTES,
    UNQUEUED_BYTES,
    BoundedConnector,
    MemoryReservation,
    ReadQueue,
)
from collector.interfaces import KnownInterfaces
from collector.node_exporter import SERIES_LIMIT, ExpositionReader, NotNodeExporter, TooManySeries
from collector.sample import Sample, ScrapeFailed
from collector.targets.entry import HttpOptions
from collector.targets.target import Target
from collector.texts import failures

SPEAKS_HTTPS: Final = ScrapeFailed("tls", failures.speaks_https())
_TOO_LONG: Final = ScrapeFailed("limit", failures.page_too_long(EXPOSITION_LIMIT_BYTES))
_DAMAGED: Final = ScrapeFailed("page", failures.page_damaged())
#: What node_exporter answers where one of the collectors asked for is switched off, or unknown to it.
_REFUSED: Final = (400, 500)
_REDIRECTS: Final = (301, 302, 303, 307, 308)
#: What a server that expects TLS answers to plain HTTP with status 400: those of Go, nginx and Apache.
_EXPECTS_TLS: Final = re.compile(rb"HTTPS (?:server|port)|SSL-enabled server")
_SHORT_BODY_BYTES: Final = 1024
#: The values of Content-Encoding that are read.
ENCODINGS: Final = ("gzip", "x-gzip", "deflate")
#: Members that a page in gzip may consist of, one behind the other. Source: RFC 1952, section 2.2
MEMBERS_LIMIT: Final = 1024
# How zlib is told what comes: with the head of gzip, with its own, with none.
_GZIP, _ZLIB, _BARE = 31, 15, -15


class FilterRefused(ScrapeFailed):
    """The exporter answers, but not to what it was asked for."""

    __slots__ = ()


class Fetcher:
    """Fetches pages of the exporter at the target's host and port."""

    def __init__(self, session: aiohttp.ClientSession, target: Target) -> None:
        assert isinstance(session.connector, BoundedConnector)
        self._session = session
        self._connector = session.connector
        self._allowance = session.connector.allowance(target.host, target.port)
        self._options: HttpOptions = target.http
        host, has_zone, _ = target.host.partition("%")
        # The zone of an address says something to this machine alone, and is in no certificate.
        self._server_name = target.http.server_name or (host if has_zone else None)
        self._whole = URL.build(scheme=target.http.scheme, host=target.host, port=target.port, path="/metrics")
        self._filtered: dict[RequestedCollectors, URL] = {}

    @property
    def raw_host(self) -> str:
        """The host as it is looked up."""
        return self._whole.raw_host or ""

    async def fetch(
        self,
        asked: RequestedCollectors,
        notes: ExpositionNotes,
        known_interfaces: KnownInterfaces,
        *,
        hung_collector: str | None,
    ) -> Sample | ScrapeFailed:
        """Return what the exporter tells when it is ``asked`` for those collectors, and take notes of its page.

        ``known_interfaces`` completes what the page tells of interfaces, and is completed by it.

        Raises:
            CredentialsError: a file that it needs cannot be used; nothing was asked.
            aiohttp.ClientError: there is no answer, or none that is HTTP.
        """
        begun = time.monotonic()
        url, redirects = self._url(asked), 0
        while True:
            self._allowance.begin()
            try:
                # What is secret goes to this scheme, host and port alone: a redirect elsewhere is not followed.
                async with self._session.get(url, allow_redirects=False, **self._how()) as response:
                    if response.status not in _REDIRECTS:
                        return await self._answer(
                            response, ExpositionReader(known_interfaces, notes.take), begun, hung_collector
                        )
                    elsewhere = _redirect(response)
                    redirects += 1
            finally:
                self._allowance.end()
            if elsewhere is None:
                return ScrapeFailed("http", failures.http_redirects_elsewhere(response.status))
            if redirects > 1:
                return ScrapeFailed("http", failures.http_redirects_twice(response.status))
            url = elsewhere

    async def speaks_https(self) -> bool:
        """Whether a TLS connection comes about; nothing secret is sent through it."""
        self._allowance.begin()
        url, headers = self._whole.with_scheme("https"), {"Connection": "close"}
        context = self._connector.contexts.unverified()
        try:
            async with self._session.head(url, allow_redirects=False, ssl=context, headers=headers):
                return True
        except aiohttp.ClientConnectorError:
            return False
        except aiohttp.ClientError:
            return True
        finally:
            self._allowance.end()

    def _url(self, asked: RequestedCollectors) -> URL:
        if asked is None:
            return self._whole
        url = self._filtered.get(asked)
        if url is None:
            url = self._filtered[asked] = self._whole.with_query([("collect[]", name) for name in asked])
        return url

    def _how(self) -> dict[str, Any]:
        how: dict[str, Any] = {}
        if self._options.scheme == "https":
            how["ssl"] = self._connector.contexts.context(self._options)
            if self._server_name is not None:
                how["server_hostname"] = self._server_name
        authorization = self._connector.credentials.authorization(self._options)
        if authorization is not None:
            how["headers"] = {"Authorization": authorization}
        return how

    async def _answer(
        self, response: aiohttp.ClientResponse, reader: ExpositionReader, begun: float, hung_collector: str | None
    ) -> Sample | ScrapeFailed:
        if response.status != 200:
            return await self._refusal(response)
        encoding = response.headers.get("Content-Encoding", "").strip().lower() or "identity"
        pieces: AsyncIterator[bytes] = response.content.iter_any()
        if encoding in ENCODINGS:
            pieces = inflated(pieces, encoding, self._connector.turns)
        elif encoding != "identity":
            return ScrapeFailed("page", failures.answer_compressed_otherwise())
        if (response.content_length or 0) > EXPOSITION_LIMIT_BYTES:
            return _TOO_LONG
        self._allowance.expect_page()
        # Where something else than the end of the connection says that the page ends, it needs no last line feed.
        has_end = encoding != "identity" or "Content-Length" in response.headers or _is_chunked(response)
        return await self._read(pieces, reader, begun, hung_collector, has_end=has_end)

    async def _read(
        self,
        pieces: AsyncIterator[bytes],
        reader: ExpositionReader,
        begun: float,
        hung_collector: str | None,
        *,
        has_end: bool,
    ) -> Sample | ScrapeFailed:
        share = MemoryReservation(self._connector.room)
        try:
            async for piece in pieces:
                reader.feed(piece)
                if not share.hold(reader.held_bytes):
                    return ScrapeFailed("limit", failures.page_of_too_many_values())
            # The exporter reads its clock and its counters somewhere between being asked and having answered.
            half = (time.monotonic() - begun) / 2
            unix_seconds = time.time() - half
            if self._allowance.received > UNQUEUED_BYTES:
                await self._connector.turns.turn(self._allowance.weight)
            if has_end:
                reader.end()
            sample = reader.sample(
                monotonic_seconds=begun + half,
                unix_seconds=unix_seconds,
                uncertainty_seconds=half,
                hung_collector=hung_collector,
            )
            if not reader.is_whole:
                return _DAMAGED
            share.hold(sample.held_bytes)
            share.hold_for(sample)
            return sample
        except NotNodeExporter:
            return ScrapeFailed("page", failures.not_node_exporter())
        except TooManySeries:
            return ScrapeFailed("limit", failures.page_of_too_many_series(SERIES_LIMIT))
        except ExpositionTooLong:
            return _TOO_LONG
        except DamagedExposition:
            return _DAMAGED
        finally:
            share.hold(0)

    async def _refusal(self, response: aiohttp.ClientResponse) -> ScrapeFailed:
        status = response.status
        if status == 401:
            if not self._options.has_credentials:
                return ScrapeFailed("http", failures.http_wants_credentials())
            is_token = self._options.username is None
            return ScrapeFailed("http", failures.http_token_wrong() if is_token else failures.http_password_wrong())
        if status == 403 and self._options.has_credentials:
            return ScrapeFailed("http", failures.http_forbidden())
        if status == 400 and self._options.scheme == "http" and await _expects_tls(response):
            return SPEAKS_HTTPS
        return (FilterRefused if status in _REFUSED else ScrapeFailed)("http", failures.http_status(status))


def _redirect(response: aiohttp.ClientResponse) -> URL | None:
    """Where a redirect leads, if that is the same scheme, host and port. A name or a password in it is not used."""
    location = response.headers.get("Location")
    if location is None:
        return None
    try:
        elsewhere = response.url.join(URL(location)).with_user(None)
        return elsewhere if elsewhere.origin() == response.url.origin() else None
    except ValueError:
        return None


def _is_chunked(response: aiohttp.ClientResponse) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


async def _expects_tls(response: aiohttp.ClientResponse) -> bool:
    try:
        return _EXPECTS_TLS.search(await response.content.read(_SHORT_BODY_BYTES)) is not None
    except aiohttp.ClientError:
        return False


class DamagedExposition(ValueError):
    """A compressed page that cannot be inflated, ends early, or goes on after its end."""


class ExpositionTooLong(ValueError):
    """A compressed page of more than ``EXPOSITION_LIMIT_BYTES``."""


async def inflated(pieces: AsyncIterator[bytes], encoding: str, turns: ReadQueue) -> AsyncIterator[bytes]:
    """Yield the exposition in pieces of ``PIECE_BYTES`` at most; pieces after ``UNQUEUED_BYTES`` wait in the queue.

    Raises:
        DamagedExposition: it is none.
        ExpositionTooLong: it has more than ``EXPOSITION_LIMIT_BYTES``.
    """
    inflater = None
    count = members = 0
    async for piece in pieces:
        while True:
            if inflater is None or inflater.eof:
                members += 1
                if members > (1 if encoding == "deflate" else MEMBERS_LIMIT):
                    raise DamagedExposition("bytes after the end")
                inflater = zlib.decompressobj(_head(encoding, piece))
            try:
                part = inflater.decompress(piece, PIECE_BYTES)
            except zlib.error as error:
                raise DamagedExposition(str(error)) from None
            count += len(part)
            if count > EXPOSITION_LIMIT_BYTES:
                raise ExpositionTooLong("too long")
            if count > UNQUEUED_BYTES:
                await turns.turn(count)
            yield part
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            # A part that is full may not be all that the piece holds.
            if not piece and (inflater.eof or len(part) < PIECE_BYTES):
                break
    if inflater is None or not inflater.eof:
        raise DamagedExposition("no end")


def _head(encoding: str, begin: bytes) -> int:
    if encoding != "deflate":
        return _GZIP
    # Deflate is to have zlib's head, and some send it without one. Source: RFC 9110, section 8.4.1.2
    return _ZLIB if begin[0] & 0x0F == zlib.DEFLATED else _BARE
