"""A server of target lists, for tests."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from yarl import URL

from collector.authentication import Credentials
from collector.targets.dns import Resolver
from collector.targets.entry import HttpOptions
from collector.targets.http_sd import HttpSdSource, HttpSdTargets
from collector.targets.http_sd_request import HttpSdClient, HttpSdUrl

GROUPS: list[Any] = [
    {"targets": ["10.0.0.7:9100", "pi.lan"], "labels": {"rack": "07", "__meta_site": "north"}},
    {"targets": ["10.0.0.8:9443"], "labels": {"__scheme__": "https"}},
]
ADDRESSES = ["10.0.0.7:9100", "pi.lan:9100", "10.0.0.8:9443"]
PLAIN = HttpOptions()
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def listing(document: Any = GROUPS) -> Respond:
    """Return a handler that answers with ``document``."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.json_response(document)

    return respond


def answering(**answer: Any) -> Respond:
    """Return a handler that answers with the response of these arguments."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(**answer)

    return respond


async def hanging(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(3600)
    raise AssertionError


class ListServer:
    """Answers every request on 127.0.0.1 with ``respond``, which tests replace."""

    def __init__(self, respond: Respond, context: ssl.SSLContext | None = None) -> None:
        self.respond = respond
        self.requests: list[web.Request] = []
        self.port = 0
        self._context = context
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.respond(request)

    def url(self, path: str = "/targets", http: HttpOptions = PLAIN, host: str = "127.0.0.1") -> HttpSdUrl:
        """Return the URL of a list on this server."""
        return HttpSdUrl(URL(f"{http.scheme}://{host}:{self.port}{path}"), http)

    def source(self, http: HttpOptions = PLAIN, folder: Path | None = None, path: str = "/targets") -> HttpSdSource:
        """Return a source of one list; ``folder``: the folder of credentials."""
        client = HttpSdClient(Resolver(), Credentials(folder), 60.0)
        return HttpSdSource(self.url(path, http), client.fetch)

    def targets(self, refresh_seconds: float = 0.05) -> HttpSdTargets:
        """Return the targets of one list."""
        return HttpSdTargets([self.source()], refresh_seconds)
