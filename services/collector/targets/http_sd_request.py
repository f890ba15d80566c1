"""Request a target list from an HTTP server, as Prometheus's HTTP service discovery does.

Source: https://prometheus.io/docs/prometheus/latest/http_sd/
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from yarl import URL

from collector.authentication import Credentials, CredentialsError, TlsContexts, tls_failure
from collector.connection_failures import TLS_REASON, connection_failure
from collector.fetch import REDIRECT_STATUSES, same_origin_redirect
from collector.sentences import failures, http_sd
from collector.sentences.sentence import english
from collector.targets.dns import Resolver
from collector.targets.entry import HttpOptions
from contract.messages import Coded
from runtime.quoting import cut

#: Seconds within which a server must send the whole list.
ANSWER_SECONDS: Final = 30.0
#: Longest list that is read, in bytes: 1 KiB of labels for each of 4000 targets.
LIST_LIMIT_BYTES: Final = 4 * 1024 * 1024
#: Most values of a list, so that parsing takes bounded memory; the comma between two values counts.
LIST_LIMIT_VALUES: Final = 200_000
#: Longest URL in a message, in characters.
_SHOWN_LENGTH: Final = 200
_JSON: Final = "application/json"
_CHARSETS: Final = (None, "utf-8", "utf8")


@dataclass(frozen=True)
class HttpSdUrl:
    """The URL of a target list, and how to request the list."""

    url: URL
    http: HttpOptions

    @property
    def shown(self) -> str:
        """The URL for messages, without its query, which may hold a token."""
        text = str(self.url.with_query(None))
        return cut(f"{text}?…" if self.url.query_string else text, _SHOWN_LENGTH)


class HttpSdFailed(Exception):
    """A target list cannot be read. ``reason`` is a label of the metric; the text contains no secret."""

    def __init__(self, reason: str, why: Coded) -> None:
        super().__init__(english(why))
        self.reason = reason
        self.why = why


class HttpSdClient:
    """Requests target lists, each over a connection of its own."""

    def __init__(self, resolver: Resolver, credentials: Credentials, refresh_seconds: float) -> None:
        """``refresh_seconds``: the interval between two requests, which the servers are told."""
        self._resolver = resolver
        self._credentials = credentials
        self._contexts = TlsContexts(credentials)
        self._headers = {
            "Accept": _JSON,
            "Accept-Encoding": "identity",
            "X-Prometheus-Refresh-Interval-Seconds": f"{refresh_seconds:.10g}",
        }

    async def fetch(self, source: HttpSdUrl) -> bytes:
        """Return the body of the answer, a JSON text of bounded length.

        Raises:
            HttpSdFailed: the server does not answer in time, or answers with something else.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._fetch(source)
        except TimeoutError:
            if self._resolver.is_waiting_for(source.url.raw_host or ""):
                raise HttpSdFailed("name", failures.name_not_found_within(ANSWER_SECONDS)) from None
            raise HttpSdFailed("timeout", failures.no_answer_within(ANSWER_SECONDS)) from None
        except CredentialsError as error:
            raise HttpSdFailed("credentials", error.why) from None
        except aiohttp.ClientError as error:
            # Without the error of aiohttp, which may contain the request with its credentials.
            raise _failure(error, source) from None

    async def _fetch(self, source: HttpSdUrl) -> bytes:
        options = self._request_options(source)
        connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, force_close=True)
        url, redirects = source.url, 0
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        ) as session:
            while True:
                # Credentials go to this scheme, host and port only: no redirect elsewhere is followed.
                async with session.get(url, allow_redirects=False, **options) as response:
                    status = response.status
                    if status not in REDIRECT_STATUSES:
                        return await _body(response, source.http)
                    location = same_origin_redirect(response)
                if location is None:
                    raise HttpSdFailed("http", failures.http_redirects_elsewhere(status))
                redirects += 1
                if redirects > 1:
                    raise HttpSdFailed("http", failures.http_redirects_twice(status))
                url = location

    def _request_options(self, source: HttpSdUrl) -> dict[str, Any]:
        headers = {**self._headers}
        options: dict[str, Any] = {"headers": headers}
        if source.http.scheme == "https":
            options["ssl"] = self._contexts.context(source.http)
            if source.http.server_name is not None:
                options["server_hostname"] = source.http.server_name
        authorization = self._credentials.authorization(source.http)
        if authorization is not None:
            headers["Authorization"] = authorization
        return options


async def _body(response: aiohttp.ClientResponse, http: HttpOptions) -> bytes:
    if response.status != 200:
        raise HttpSdFailed("http", _status_failure(response.status, http))
    content_type = response.headers.get("Content-Type")
    if response.content_type.lower() != _JSON or (response.charset or "utf-8").lower() not in _CHARSETS:
        raise HttpSdFailed("list", http_sd.list_not_json(None if content_type is None else _printable(content_type)))
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise HttpSdFailed("list", http_sd.list_compressed())
    too_long = HttpSdFailed("limit", http_sd.list_too_long(LIST_LIMIT_BYTES, LIST_LIMIT_VALUES))
    if (response.content_length or 0) > LIST_LIMIT_BYTES:
        raise too_long
    body = bytearray()
    values = 0
    async for piece in response.content.iter_any():
        body += piece
        values += piece.count(b",")
        if len(body) > LIST_LIMIT_BYTES or values > LIST_LIMIT_VALUES:
            raise too_long
    return bytes(body)


def _status_failure(status: int, http: HttpOptions) -> Coded:
    if status == 401:
        if not http.has_credentials:
            return http_sd.list_wants_credentials()
        return failures.http_token_wrong() if http.username is None else failures.http_password_wrong()
    if status == 403 and http.has_credentials:
        return http_sd.list_forbidden()
    return failures.http_status(status)


def _failure(error: aiohttp.ClientError, source: HttpSdUrl) -> HttpSdFailed:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return HttpSdFailed("name", failures.name_not_found())
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError() as os_error):
            why = tls_failure(os_error, source.http, source.url.host or "")
            return HttpSdFailed("tls", http_sd.list_without_https() if why == failures.speaks_no_https() else why)
        case aiohttp.ClientConnectorError():
            return HttpSdFailed("connect", connection_failure(error.os_error, failures.cannot_connect))
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionResetError():
            return HttpSdFailed("http", failures.closed_without_answer())
        case aiohttp.ClientPayloadError():
            return HttpSdFailed("http", failures.answer_ended_early())
        case aiohttp.ClientResponseError():
            return HttpSdFailed("http", failures.answer_not_http())
        case aiohttp.ClientOSError():
            reason = TLS_REASON.search(str(error))
            if reason is not None:
                return HttpSdFailed("tls", failures.tls_fails(reason[1].lower().replace("_", " ")))
            return HttpSdFailed("connect", connection_failure(error, failures.connection_lost))
    return HttpSdFailed("http", failures.answer_not_valid(type(error).__name__))


def _printable(text: str) -> str:
    return cut("".join(each if each.isprintable() else "?" for each in text))
