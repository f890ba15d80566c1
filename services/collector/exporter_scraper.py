"""Scrape one node through its exporter. A scrape that fails is a result too, never an error that escapes."""

import asyncio
import errno
import logging
import os
import re
import ssl
import time
from collections.abc import Callable, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp

from collector.authentication import Credentials, CredentialsError, why_no_tls
from collector.collect_filter import CollectFilter, ExpositionNotes, RequestedCollectors
from collector.fetch import SPEAKS_HTTPS, Fetcher, FilterRefused
from collector.flow_control import HEAD_LIMIT_BYTES, LONG_BYTES, BoundedConnector, current_budget
from collector.interfaces import KnownInterfaces
from collector.sample import Sample, ScrapeFailed
from collector.targets.dns import Resolver
from collector.targets.target import Target
from collector.texts import failures
from contract.messages import Coded

if TYPE_CHECKING:
    from collector.local_scraper import LocalScraper

_log = logging.getLogger(__name__)
#: Seconds after the end of its time at which a scrape still counts as one that the node has failed.
LATE_SECONDS: Final = 0.1
#: Seconds for which an exporter that ends plain connections may take to begin with TLS.
HANDSHAKE_SECONDS: Final = 1.0
_HEADERS: Final = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}
#: Reasons of failures that come from what was answered, not from the way to it.
_OF_THE_ANSWER: Final = ("http", "page")
#: How the first record of TLS begins, be it an alert or a part of a handshake.
_TLS: Final = (b"\x15\x03", b"\x16\x03")
#: How aiohttp passes on an error of TLS on a connection that is made.
_TLS_REASON: Final = re.compile(r"\[SSL: ([A-Z0-9_]{1,100})\]")

_OF_ERRNO: Final = {
    errno.ECONNREFUSED: failures.connection_refused,
    errno.ECONNRESET: failures.connection_reset,
    errno.EHOSTUNREACH: failures.no_route,
    errno.ENETUNREACH: failures.network_unreachable,
    errno.ETIMEDOUT: failures.no_answer,
    errno.EHOSTDOWN: failures.host_is_down,
}


class Scraper(Protocol):
    """Scrapes one node, again and again, one scrape at a time."""

    async def scrape(self) -> Sample | ScrapeFailed:
        """Return what the node tells now, within the scrape timeout."""


def open_session(resolver: Resolver, credentials_dir: Path | None = None) -> aiohttp.ClientSession:
    """Return the HTTP session that all probes share. To be called, and closed, under a running loop.

    Passwords, tokens and certificates are read from files below ``credentials_dir``.
    """
    return aiohttp.ClientSession(
        connector=BoundedConnector(resolver, Credentials(credentials_dir)),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # each scrape has one of its own, over all it does
        headers=_HEADERS,
        auto_decompress=False,
        # The allowance bounds the head as a whole, and says so.
        max_line_size=2 * HEAD_LIMIT_BYTES,
        max_field_size=2 * HEAD_LIMIT_BYTES,
        max_headers=HEAD_LIMIT_BYTES,
    )


class ExporterScraper:
    """Scrapes a node through the node_exporter at the target's host and port."""

    def __init__(self, session: aiohttp.ClientSession, resolver: Resolver, target: Target, timeout_seconds: float):
        #: Where the exporter is.
        self.host = target.host
        assert isinstance(session.connector, BoundedConnector)
        self._target = target
        self._is_https = target.http.scheme == "https"
        self._allowance = session.connector.allowance(target.host, target.port)
        self._resolver = resolver
        self._timeout_seconds = timeout_seconds
        self._fetcher = Fetcher(session, target)
        self._choice = CollectFilter()
        self._asked: RequestedCollectors = None
        self._interfaces = KnownInterfaces()
        self._trial: asyncio.Task[None] | None = None
        #: Whether an exporter that ends plain connections speaks HTTPS; ``None`` until it was tried.
        self._speaks_https: bool | None = None
        self._has_told_loss = False

    @property
    def left_out(self) -> str | None:
        """The collector that the next scrape leaves out, since the exporter may hang with it."""
        return self._choice.left_out

    async def scrape(self) -> Sample | ScrapeFailed:
        """Return what the node tells now, within the scrape timeout."""
        current_budget.set(self._allowance)
        result = await self._result()
        if isinstance(result, Sample):
            self._speaks_https = None
            self._try_beside()
        elif self._allowance.excess is not None:
            return ScrapeFailed("limit", self._allowance.excess)
        return result

    async def _result(self) -> Sample | ScrapeFailed:
        is_late = False
        result: Sample | ScrapeFailed
        try:
            result = await self._result_in_time()
        except TimeoutError:
            is_late = True
            result = self._late()
        except CredentialsError as error:
            result = ScrapeFailed("credentials", error.why)
        except aiohttp.ClientError as error:
            result = self._failed(error)
            if self._ends_silently(error):
                result = await self._https_or(result)
        if isinstance(result, ScrapeFailed):
            self._choice.failed(self._asked, time.monotonic(), is_reached=self._allowance.is_asked, is_late=is_late)
        return result

    def _late(self) -> ScrapeFailed:
        waited = self._timeout_seconds
        if self._allowance.received > LONG_BYTES:
            return ScrapeFailed("limit", failures.page_unended(LONG_BYTES, waited))
        if self._resolver.is_waiting_for(self._fetcher.raw_host):
            return ScrapeFailed("name", failures.name_not_found_within(waited))
        return ScrapeFailed("timeout", failures.no_answer_within(waited))

    def _failed(self, error: aiohttp.ClientError) -> ScrapeFailed:
        """Say what an error means; an answer is to blame only where there is one."""
        match error:
            case aiohttp.ClientConnectorDNSError():
                return ScrapeFailed("name", failures.name_not_found())
            case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as os_error):
                return ScrapeFailed("tls", why_no_tls(os_error, self._target.http, self.host))
            case aiohttp.ClientConnectorError():
                return ScrapeFailed("connect", _why(error.os_error, failures.cannot_connect))
            case aiohttp.ServerDisconnectedError():
                closed = failures.closed_by_https() if self._is_https else failures.closed_without_answer()
                return ScrapeFailed("http", closed)
            case aiohttp.ClientPayloadError():
                return ScrapeFailed("http", failures.answer_ended_early())
            case aiohttp.ClientResponseError():
                if self._allowance.first.startswith(_TLS) and not self._is_https:
                    return SPEAKS_HTTPS
                return ScrapeFailed("http", failures.answer_not_http())
            case aiohttp.ClientOSError():
                reason = _TLS_REASON.search(str(error))
                if reason is not None:
                    return ScrapeFailed("tls", failures.tls_fails(reason[1].lower().replace("_", " ")))
                return ScrapeFailed("connect", _why(error, failures.connection_lost))
        if not self._allowance.is_asked:
            return ScrapeFailed("connect", failures.cannot_be_asked(type(error).__name__))
        return ScrapeFailed("http", failures.answer_not_valid(type(error).__name__))

    def _ends_silently(self, error: aiohttp.ClientError) -> bool:
        """Whether the exporter took a plain request and ended the connection, as servers of HTTPS may."""
        is_ended = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
        has_spoken = self._allowance.first.startswith(b"HTTP/")
        return is_ended and not self._is_https and self._allowance.is_asked and not has_spoken

    async def _https_or(self, result: ScrapeFailed) -> ScrapeFailed:
        """Say that the exporter speaks HTTPS if so, which is tried once for as long as it fails."""
        if self._speaks_https is None:
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    self._speaks_https = await self._fetcher.speaks_https()
            except TimeoutError:
                self._speaks_https = False
        return SPEAKS_HTTPS if self._speaks_https else result

    async def _result_in_time(self) -> Sample | ScrapeFailed:
        now = asyncio.get_running_loop().time
        deadline = now() + self._timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                return await self._scrape()
        except TimeoutError:
            if now() - deadline < LATE_SECONDS:
                raise
        # This process was paused: the answer may have come long ago, and nobody was there to take it.
        async with asyncio.timeout(self._timeout_seconds):
            return await self._scrape()

    async def _scrape(self) -> Sample | ScrapeFailed:
        choice, now = self._choice, time.monotonic
        is_due = self._interfaces.is_due(now())
        asked = choice.next(now(), with_interfaces=is_due)
        if is_due:
            # Whatever becomes of it: those that hang, or are refused, are not to take every scrape with them.
            self._interfaces.asked(now())
        answer, notes = await self._ask(asked)
        if isinstance(answer, Sample):
            if is_due:
                self._interfaces.asked(now())
            lost = choice.answered(asked, notes, now())
            if not lost:
                return answer
            self._tell_loss(lost)
        elif not isinstance(answer, FilterRefused) and (asked is None or answer.reason not in _OF_THE_ANSWER):
            return answer
        # What is refused, or incomplete, in the one way is asked for in the other. Who does not know collect[] may
        # answer it with anything: that there is no such page, an empty one, one for people.
        if asked is not None:
            is_failed = isinstance(answer, ScrapeFailed) and not isinstance(answer, FilterRefused)
            answer, _ = await self._ask(None)
            if isinstance(answer, Sample):
                choice.needs_whole(now())
            elif is_failed:
                self._asked = asked  # it fails in both ways
        else:
            choice.failed(None, now(), is_reached=True, is_late=False)
            other = choice.next(now())
            if other is not None:
                answer, notes = await self._ask(other)
                if isinstance(answer, Sample):
                    choice.answered(other, notes, now())
        return ScrapeFailed(answer.reason, answer.why) if isinstance(answer, FilterRefused) else answer

    async def _ask(self, asked: RequestedCollectors) -> tuple[Sample | ScrapeFailed, ExpositionNotes]:
        self._asked = asked
        notes = ExpositionNotes(is_thorough=self._choice.is_to_be_compared(asked))
        hung = None if asked is None else self._choice.left_out
        return await self._fetcher.fetch(asked, notes, self._interfaces, hung_collector=hung), notes

    def _try_beside(self) -> None:
        """Try now what did not work before, in a task of its own: a scrape needs nothing of what comes of it."""
        asked = self._choice.trial(time.monotonic())
        if asked is not False and (self._trial is None or self._trial.done()):
            self._trial = asyncio.create_task(self._try(asked), name=f"try {self._target.address}")

    async def _try(self, asked: RequestedCollectors) -> None:
        notes = ExpositionNotes(is_thorough=asked is None)
        has_answered = False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                result = await self._fetcher.fetch(asked, notes, KnownInterfaces(), hung_collector=None)
            # Of a collector alone, any answer shows that it does not hang.
            has_answered = asked is not None or isinstance(result, Sample)
        except Exception as error:
            # Its kind alone: an error of aiohttp shows the request, credentials included.
            _log.debug("trying %s beside its looks failed: %s", self._target.address, type(error).__name__)
        self._choice.tried(asked, notes if has_answered else None, time.monotonic())

    def _tell_loss(self, lost: Set[bytes]) -> None:
        if not self._has_told_loss:
            self._has_told_loss = True
            names = ", ".join(sorted(f"node_{name.decode()}" for name in lost))
            _log.info("%s leaves out %s when asked with collect[]: its whole page is read", self._target.address, names)


def make_scraper(
    target: Target,
    session: aiohttp.ClientSession,
    resolver: Resolver,
    *,
    timeout_seconds: float,
    local_exporter: tuple[str, int] | None,
) -> "ExporterScraper | LocalScraper":
    """Return a probe of ``target``; for this machine, one of its exporter where there is one."""
    if not target.is_local:
        return ExporterScraper(session, resolver, target, timeout_seconds)
    if local_exporter is None:
        # A collector that reads no machine by itself, as in a container, needs no psutil.
        from collector.local_scraper import LocalScraper

        return LocalScraper(timeout_seconds)
    host, port = local_exporter
    return ExporterScraper(session, resolver, replace(target, host=host, port=port), timeout_seconds)


def _why(error: OSError, otherwise: Callable[[str | None], Coded]) -> Coded:
    if error.errno is None:
        return otherwise(None)
    known = _OF_ERRNO.get(error.errno)
    return known() if known else otherwise(os.strerror(error.errno) if error.errno > 0 else None)
