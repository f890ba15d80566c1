"""Fetch one exposition of an exporter: send the request, follow one redirect, inflate and read the response."""

import re
import time
import zlib
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any, Final

import aiohttp
from yarl import URL

from collector.collect_filter import ExpositionNotes, RequestedCollectors
from collector.exposition_template import ExporterTemplate
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
from collector.sentences import failures
from collector.targets.entry import HttpOptions
from collector.targets.target import Target

SPEAKS_HTTPS: Final = ScrapeFailed("tls", failures.speaks_https())
_TOO_LONG: Final = ScrapeFailed("limit", failures.page_too_long(EXPOSITION_LIMIT_BYTES))
_DAMAGED: Final = ScrapeFailed("page", failures.page_damaged())
#: Statuses by which node_exporter refuses a requested collector that is switched off or unknown to it.
_FILTER_REFUSED: Final = (400, 500)
#: Statuses of a redirect.
REDIRECT_STATUSES: Final = (301, 302, 303, 307, 308)
#: Text with which TLS servers of Go, nginx and Apache answer plain HTTP, with status 400.
_EXPECTS_TLS: Final = re.compile(rb"HTTPS (?:server|port)|SSL-enabled server")
_SHORT_BODY_BYTES: Final = 1024
#: Accepted values of Content-Encoding.
ENCODINGS: Final = ("gzip", "x-gzip", "deflate")
#: Most gzip members that one exposition may consist of. Source: RFC 1952, section 2.2
MEMBERS_LIMIT: Final = 1024
# zlib's ``wbits`` for data with gzip's header, with zlib's header, and without a header.
_GZIP, _ZLIB, _RAW = 31, 15, -15


class FilterRefused(ScrapeFailed):
    """The exporter refuses the requested collectors."""

    __slots__ = ()


class Fetcher:
    """Fetches expositions of the exporter at the target's host and port."""

    __slots__ = (
        "_budget",
        "_connector",
        "_host",
        "_last",
        "_options",
        "_port",
        "_server_name",
        "_session",
        "_template",
    )

    def __init__(self, session: aiohttp.ClientSession, target: Target) -> None:
        assert isinstance(session.connector, BoundedConnector)
        self._session = session
        self._connector = session.connector
        self._budget = session.connector.receive_budget(target.host, target.port)
        self._options: HttpOptions = target.http
        host, has_zone, _ = target.host.partition("%")
        # The zone of an address is valid on this machine only, so certificates do not contain zones.
        self._server_name = target.http.server_name or (host if has_zone else None)
        self._host, self._port = target.host, target.port
        #: The last requested collectors and their URL: nearly all requests are for the same.
        self._last: tuple[RequestedCollectors, URL] = None, self._url_of_all()
        self._template = ExporterTemplate()

    @property
    def raw_host(self) -> str:
        """The host name that the resolver looks up."""
        return self._last[1].raw_host or ""

    async def fetch(
        self,
        requested: RequestedCollectors,
        notes: ExpositionNotes,
        known_interfaces: KnownInterfaces,
        *,
        hung_collector: str | None,
    ) -> Sample | ScrapeFailed:
        """Request the ``requested`` collectors and return the result; note the exporter's families in ``notes``.

        ``known_interfaces`` describes interfaces that the exposition does not describe, and is updated from it.

        Raises:
            CredentialsError: a file of the credentials cannot be used; no request was sent.
            aiohttp.ClientError: the exporter does not answer, or does not answer with HTTP.
        """
        started = time.monotonic()
        url, redirects = self._url(requested), 0
        while True:
            self._budget.begin_request()
            try:
                # Credentials go to this scheme, host and port only: the collector follows no redirect elsewhere.
                async with self._session.get(url, allow_redirects=False, **self._request_options()) as response:
                    if response.status not in REDIRECT_STATUSES:
                        reader = ExpositionReader(known_interfaces, notes.add, self._template)
                        return await self._read_response(response, reader, started, hung_collector)
                    location = same_origin_redirect(response)
                    redirects += 1
            finally:
                self._budget.end_request()
            if location is None:
                return ScrapeFailed("http", failures.http_redirects_elsewhere(response.status))
            if redirects > 1:
                return ScrapeFailed("http", failures.http_redirects_twice(response.status))
            url = location

    async def speaks_https(self) -> bool:
        """Whether the exporter accepts a TLS connection. The request contains no credentials."""
        self._budget.begin_request()
        url, headers = self._url_of_all().with_scheme("https"), {"Connection": "close"}
        context = self._connector.contexts.unverified()
        try:
            async with self._session.head(url, allow_redirects=False, ssl=context, headers=headers):
                return True
        except aiohttp.ClientConnectorError:
            return False
        except aiohttp.ClientError:
            return True
        finally:
            self._budget.end_request()

    def _url(self, requested: RequestedCollectors) -> URL:
        if requested != self._last[0]:
            url = self._url_of_all()
            self._last = requested, url if requested is None else url.join(_query(requested))
        return self._last[1]

    def _url_of_all(self) -> URL:
        return URL.build(scheme=self._options.scheme, host=self._host, port=self._port, path="/metrics")

    def _request_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._options.scheme == "https":
            options["ssl"] = self._connector.contexts.context(self._options)
            if self._server_name is not None:
                options["server_hostname"] = self._server_name
        authorization = self._connector.credentials.authorization(self._options)
        if authorization is not None:
            options["headers"] = {"Authorization": authorization}
        return options

    async def _read_response(
        self, response: aiohttp.ClientResponse, reader: ExpositionReader, started: float, hung_collector: str | None
    ) -> Sample | ScrapeFailed:
        if response.status != 200:
            return await self._failure(response)
        encoding = response.headers.get("Content-Encoding", "").strip().lower() or "identity"
        pieces: AsyncIterator[bytes] = response.content.iter_any()
        if encoding in ENCODINGS:
            pieces = inflated(pieces, encoding, self._connector.queue)
        elif encoding != "identity":
            return ScrapeFailed("page", failures.answer_compressed_otherwise())
        if (response.content_length or 0) > EXPOSITION_LIMIT_BYTES:
            return _TOO_LONG
        self._budget.expect_exposition()
        # The last line feed is optional if the response marks its end by other means than closing the connection.
        has_end = encoding != "identity" or "Content-Length" in response.headers or _is_chunked(response)
        return await self._read(pieces, reader, started, hung_collector, has_end=has_end)

    async def _read(
        self,
        pieces: AsyncIterator[bytes],
        reader: ExpositionReader,
        started: float,
        hung_collector: str | None,
        *,
        has_end: bool,
    ) -> Sample | ScrapeFailed:
        memory = MemoryReservation(self._connector.memory)
        try:
            async for piece in pieces:
                reader.feed(piece)
                if not memory.resize(reader.memory_bytes):
                    return ScrapeFailed("limit", failures.page_of_too_many_values())
            # The exporter reads its clock and its counters at some time between the request and the response.
            half = (time.monotonic() - started) / 2
            unix_seconds = time.time() - half
            if self._budget.received_bytes > UNQUEUED_BYTES:
                await self._connector.queue.wait(self._budget.expected_bytes, self._budget.received_bytes)
            if has_end:
                reader.end()
            sample = reader.sample(
                monotonic_seconds=started + half,
                unix_seconds=unix_seconds,
                uncertainty_seconds=half,
                hung_collector=hung_collector,
            )
            if not reader.is_complete:
                return _DAMAGED
            memory.resize(sample.memory_bytes)
            memory.transfer_to(sample)
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
            memory.resize(0)

    async def _failure(self, response: aiohttp.ClientResponse) -> ScrapeFailed:
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
        return (FilterRefused if status in _FILTER_REFUSED else ScrapeFailed)("http", failures.http_status(status))


@lru_cache(256)
def _query(requested: tuple[str, ...]) -> URL:
    """Return a relative URL with the query for these collectors. The URLs of all exporters share the text."""
    return URL.build(query=[("collect[]", name) for name in requested])


def same_origin_redirect(response: aiohttp.ClientResponse) -> URL | None:
    """Return the address that a redirect leads to; ``None`` for another scheme, host or port.

    The address has no user name and password.
    """
    location = response.headers.get("Location")
    if location is None:
        return None
    try:
        url = response.url.join(URL(location)).with_user(None)
        return url if url.origin() == response.url.origin() else None
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
    """A compressed exposition that cannot be inflated, ends early, or has bytes after its end."""


class ExpositionTooLong(ValueError):
    """A compressed exposition of more than ``EXPOSITION_LIMIT_BYTES``."""


async def inflated(pieces: AsyncIterator[bytes], encoding: str, queue: ReadQueue) -> AsyncIterator[bytes]:
    """Yield the exposition in pieces of ``PIECE_BYTES`` at most; pieces after ``UNQUEUED_BYTES`` wait in the queue.

    Raises:
        DamagedExposition: the bytes cannot be inflated, end early, or go on after the end of the exposition.
        ExpositionTooLong: the exposition has more than ``EXPOSITION_LIMIT_BYTES``.
    """
    inflater = None
    count = members = 0
    async for piece in pieces:
        while True:
            if inflater is None or inflater.eof:
                members += 1
                if members > (1 if encoding == "deflate" else MEMBERS_LIMIT):
                    raise DamagedExposition("bytes after the end")
                inflater = zlib.decompressobj(_window_bits(encoding, piece))
            try:
                inflated_piece = inflater.decompress(piece, PIECE_BYTES)
            except zlib.error as error:
                raise DamagedExposition(str(error)) from None
            count += len(inflated_piece)
            if count > EXPOSITION_LIMIT_BYTES:
                raise ExpositionTooLong("too long")
            if count > UNQUEUED_BYTES:
                await queue.wait(count, count)
            yield inflated_piece
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            # A full inflated piece may not be all of the compressed piece.
            if not piece and (inflater.eof or len(inflated_piece) < PIECE_BYTES):
                break
    if inflater is None or not inflater.eof:
        raise DamagedExposition("no end")


def _window_bits(encoding: str, start: bytes) -> int:
    if encoding != "deflate":
        return _GZIP
    # "deflate" requires zlib's header, but some servers omit it. Source: RFC 9110, section 8.4.1.2
    return _ZLIB if start[0] & 0x0F == zlib.DEFLATED else _RAW
