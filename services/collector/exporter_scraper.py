"""Scrape one node through its exporter. A failed scrape is a result, not an exception."""

import asyncio
import logging
import ssl
import time
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp

from collector.authentication import Credentials, CredentialsError, tls_failure
from collector.collect_filter import CollectFilter, ExpositionNotes, RequestedCollectors
from collector.connection_failures import TLS_REASON, connection_failure
from collector.fetch import SPEAKS_HTTPS, Fetcher, FilterRefused
from collector.flow_control import HEAD_LIMIT_BYTES, LONG_BYTES, BoundedConnector, current_budget
from collector.interfaces import KnownInterfaces
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.targets.dns import Resolver
from collector.targets.target import Target

if TYPE_CHECKING:
    from collector.local_scraper import LocalScraper

_log = logging.getLogger(__name__)
#: Seconds after the deadline within which the node counts as late. A longer delay means that this process was paused.
LATE_SECONDS: Final = 0.1
#: Seconds until a TLS handshake must succeed with an exporter that closes plain connections.
HANDSHAKE_SECONDS: Final = 1.0
_HEADERS: Final = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}
#: Reasons of failures that the response causes, not the connection.
_RESPONSE_REASONS: Final = ("http", "page")
#: The first bytes of a TLS record: an alert, or a part of a handshake.
_TLS_STARTS: Final = (b"\x15\x03", b"\x16\x03")


class Scraper(Protocol):
    """Scrapes one node repeatedly, one scrape at a time."""

    async def scrape(self) -> Sample | ScrapeFailed:
        """Return the node's present sample, or the failure, within the scrape timeout."""


def open_session(resolver: Resolver, credentials_dir: Path | None = None) -> aiohttp.ClientSession:
    """Return the HTTP session that all scrapers share. The caller opens and closes the session in a running loop.

    Passwords, tokens and certificates are in files below ``credentials_dir``.
    """
    return aiohttp.ClientSession(
        connector=BoundedConnector(resolver, Credentials(credentials_dir)),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # each scrape has a timeout of its own
        headers=_HEADERS,
        auto_decompress=False,
        # ReceiveBudget limits the length of the whole head, with an error message of its own.
        max_line_size=2 * HEAD_LIMIT_BYTES,
        max_field_size=2 * HEAD_LIMIT_BYTES,
        max_headers=HEAD_LIMIT_BYTES,
    )


def has_backlog(session: aiohttp.ClientSession) -> bool:
    """Whether so many expositions wait to be read that no scrape should start; see ``ReadQueue.has_backlog``."""
    assert isinstance(session.connector, BoundedConnector)
    return session.connector.queue.has_backlog


class ExporterScraper:
    """Scrapes a node through the node_exporter at the target's host and port."""

    __slots__ = (
        "_budget",
        "_fetcher",
        "_filter",
        "_has_logged_loss",
        "_interfaces",
        "_is_https",
        "_requested",
        "_resolver",
        "_speaks_https",
        "_target",
        "_timeout_seconds",
        "_trial",
        "host",
    )

    def __init__(self, session: aiohttp.ClientSession, resolver: Resolver, target: Target, timeout_seconds: float):
        #: Host of the exporter.
        self.host = target.host
        assert isinstance(session.connector, BoundedConnector)
        self._target = target
        self._is_https = target.http.scheme == "https"
        self._budget = session.connector.receive_budget(target.host, target.port)
        self._resolver = resolver
        self._timeout_seconds = timeout_seconds
        self._fetcher = Fetcher(session, target)
        self._filter = CollectFilter()
        self._requested: RequestedCollectors = None
        self._interfaces = KnownInterfaces()
        self._trial: asyncio.Task[None] | None = None
        #: Whether an exporter that closes plain connections speaks HTTPS; ``None`` before the first attempt.
        self._speaks_https: bool | None = None
        self._has_logged_loss = False

    @property
    def left_out(self) -> str | None:
        """The collector that the next scrape leaves out because the exporter may hang with it."""
        return self._filter.left_out

    async def scrape(self) -> Sample | ScrapeFailed:
        """Return the node's present sample, or the failure, within the scrape timeout."""
        current_budget.set(self._budget)
        result = await self._scrape_safely()
        if isinstance(result, Sample):
            self._speaks_https = None
            self._start_trial()
        elif self._budget.excess is not None:
            return ScrapeFailed("limit", self._budget.excess)
        return result

    async def _scrape_safely(self) -> Sample | ScrapeFailed:
        is_late = False
        result: Sample | ScrapeFailed
        try:
            result = await self._scrape_in_time()
        except TimeoutError:
            is_late = True
            result = self._timed_out()
        except CredentialsError as error:
            result = ScrapeFailed("credentials", error.why)
        except aiohttp.ClientError as error:
            result = self._failure(error)
            if self._closes_silently(error):
                result = await self._check_https(result)
        if isinstance(result, ScrapeFailed):
            self._filter.note_failure(
                self._requested, time.monotonic(), is_reached=self._budget.is_request_sent, is_late=is_late
            )
        return result

    def _timed_out(self) -> ScrapeFailed:
        waited = self._timeout_seconds
        if self._budget.received_bytes > LONG_BYTES:
            return ScrapeFailed("limit", failures.page_unended(LONG_BYTES, waited))
        if self._resolver.is_waiting_for(self._fetcher.raw_host):
            return ScrapeFailed("name", failures.name_not_found_within(waited))
        return ScrapeFailed("timeout", failures.no_answer_within(waited))

    def _failure(self, error: aiohttp.ClientError) -> ScrapeFailed:
        """Return the failure that an error of aiohttp means."""
        match error:
            case aiohttp.ClientConnectorDNSError():
                return ScrapeFailed("name", failures.name_not_found())
            case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as os_error):
                return ScrapeFailed("tls", tls_failure(os_error, self._target.http, self.host))
            case aiohttp.ClientConnectorError():
                return ScrapeFailed("connect", connection_failure(error.os_error, failures.cannot_connect))
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionResetError():
                closed = failures.closed_by_https() if self._is_https else failures.closed_without_answer()
                return ScrapeFailed("http", closed)
            case aiohttp.ClientPayloadError():
                return ScrapeFailed("http", failures.answer_ended_early())
            case aiohttp.ClientResponseError():
                if self._budget.first_bytes.startswith(_TLS_STARTS) and not self._is_https:
                    return SPEAKS_HTTPS
                return ScrapeFailed("http", failures.answer_not_http())
            case aiohttp.ClientOSError():
                reason = TLS_REASON.search(str(error))
                if reason is not None:
                    return ScrapeFailed("tls", failures.tls_fails(reason[1].lower().replace("_", " ")))
                return ScrapeFailed("connect", connection_failure(error, failures.connection_lost))
        if not self._budget.is_request_sent:
            return ScrapeFailed("connect", failures.cannot_be_asked(type(error).__name__))
        return ScrapeFailed("http", failures.answer_not_valid(type(error).__name__))

    def _closes_silently(self, error: aiohttp.ClientError) -> bool:
        """Whether the exporter accepted a plain request and closed the connection, as HTTPS servers may do."""
        is_closed = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
        has_answered_http = self._budget.first_bytes.startswith(b"HTTP/")
        return is_closed and not self._is_https and self._budget.is_request_sent and not has_answered_http

    async def _check_https(self, result: ScrapeFailed) -> ScrapeFailed:
        """Return the failure ``SPEAKS_HTTPS`` if the exporter speaks HTTPS, otherwise ``result``.

        The exporter is tested once in a series of failed scrapes.
        """
        if self._speaks_https is None:
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    self._speaks_https = await self._fetcher.speaks_https()
            except TimeoutError:
                self._speaks_https = False
        return SPEAKS_HTTPS if self._speaks_https else result

    async def _scrape_in_time(self) -> Sample | ScrapeFailed:
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                return await self._scrape_once()
        except TimeoutError:
            if now() - deadline < LATE_SECONDS:
                raise
        # This process was paused, so the node is not to blame for the timeout: scrape once more.
        async with asyncio.timeout(self._timeout_seconds):
            return await self._scrape_once()

    async def _scrape_once(self) -> Sample | ScrapeFailed:
        collect_filter, now = self._filter, time.monotonic
        is_due = self._interfaces.is_due(now())
        requested = collect_filter.next_request(now(), with_interfaces=is_due)
        if is_due:
            # Noted before the request, so that collectors that hang or are refused do not spoil every scrape.
            self._interfaces.requested(now())
        answer, notes = await self._request(requested)
        if isinstance(answer, Sample):
            if is_due:
                self._interfaces.requested(now())
            lost = collect_filter.note_exposition(requested, notes, now())
            if not lost:
                return answer
            self._log_loss(lost)
        elif not isinstance(answer, FilterRefused) and (requested is None or answer.reason not in _RESPONSE_REASONS):
            return answer
        # If the filtered request fails or lacks families, request the whole exposition, and the other way round. An
        # exporter without collect[] may answer with any status, an empty body or HTML.
        if requested is not None:
            is_failed = isinstance(answer, ScrapeFailed) and not isinstance(answer, FilterRefused)
            answer, _ = await self._request(None)
            if isinstance(answer, Sample):
                collect_filter.suspend_filter(now())
            elif is_failed:
                self._requested = requested  # both requests fail
        else:
            collect_filter.note_failure(None, now(), is_reached=True, is_late=False)
            other = collect_filter.next_request(now())
            if other is not None:
                answer, notes = await self._request(other)
                if isinstance(answer, Sample):
                    collect_filter.note_exposition(other, notes, now())
        return ScrapeFailed(answer.reason, answer.why) if isinstance(answer, FilterRefused) else answer

    async def _request(self, requested: RequestedCollectors) -> tuple[Sample | ScrapeFailed, ExpositionNotes]:
        self._requested = requested
        notes = ExpositionNotes(is_thorough=self._filter.needs_comparison(requested))
        hung = None if requested is None else self._filter.left_out
        return await self._fetcher.fetch(requested, notes, self._interfaces, hung_collector=hung), notes

    def _start_trial(self) -> None:
        """Start a task that retries a request which failed before. Scrapes do not wait for its result."""
        requested = self._filter.next_trial(time.monotonic())
        if requested is not False and (self._trial is None or self._trial.done()):
            self._trial = asyncio.create_task(self._run_trial(requested), name=f"try {self._target.address}")

    async def _run_trial(self, requested: RequestedCollectors) -> None:
        notes = ExpositionNotes(is_thorough=requested is None)
        has_answered = False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                result = await self._fetcher.fetch(requested, notes, KnownInterfaces(), hung_collector=None)
            # Any answer to a request for a single collector shows that this collector does not hang.
            has_answered = requested is not None or isinstance(result, Sample)
        except Exception as error:
            # The log names the type only: an error of aiohttp contains the request with its credentials.
            _log.debug("a trial request to %s failed: %s", self._target.address, type(error).__name__)
        self._filter.note_trial(requested, notes if has_answered else None, time.monotonic())

    def _log_loss(self, lost: Set[bytes]) -> None:
        if not self._has_logged_loss:
            self._has_logged_loss = True
            names = ", ".join(sorted(f"node_{name.decode()}" for name in lost))
            _log.info(
                "%s omits %s when asked with collect[]; the collector reads the whole exposition from now on",
                self._target.address,
                names,
            )


def make_scraper(
    target: Target,
    session: aiohttp.ClientSession,
    resolver: Resolver,
    *,
    timeout_seconds: float,
    local_exporter: tuple[str, int] | None,
) -> "ExporterScraper | LocalScraper":
    """Return a scraper of ``target``. This machine is scraped through ``local_exporter`` if it is configured."""
    if not target.is_local:
        return ExporterScraper(session, resolver, target, timeout_seconds)
    if local_exporter is None:
        # Imported here: a collector in a container does not read its machine itself and needs no psutil.
        from collector.local_scraper import LocalScraper

        return LocalScraper(timeout_seconds)
    host, port = local_exporter
    return ExporterScraper(session, resolver, replace(target, host=host, port=port), timeout_seconds)
