"""One simulated node_exporter: a port that serves a node's exposition, or shows the node's fault."""

import asyncio
import contextlib
import gzip
import itertools
import ssl
import time
from collections.abc import Iterable
from random import Random
from typing import Final

from aiohttp import web

from simulator.exposition import CONTENT_TYPE, KNOWN_COLLECTORS
from simulator.faults import (
    DRIP_SECONDS_PER_BYTE,
    FLAP_SECONDS,
    HUGE_BYTES,
    HUNG_SECONDS,
    MOVED_PATH,
    SLOW_SECONDS,
    Fault,
)
from simulator.node import SimulatedNode

_HEADERS: Final = {"Content-Type": CONTENT_TYPE}
#: Repeated content of a huge response: well-formed lines, so that only the size is wrong.
_FILLER: Final = b'node_simulated_filler{text="so that only the size is wrong"} 1\n' * 1000
_GARBAGE_BYTES: Final = 4096
_BACKLOG: Final = 16
#: Seconds until open connections are aborted; 0 would mean no limit in aiohttp.
_CLOSE_SECONDS: Final = 0.01


class Exporter:
    """Serves ``node`` on ``host:port``, published as ``advertise:port``. Port 0 selects a free port and keeps it."""

    def __init__(
        self, node: SimulatedNode, host: str, port: int, advertise: str, context: ssl.SSLContext | None = None
    ) -> None:
        """``context``: TLS context for HTTPS; ``None`` for HTTP."""
        self.node = node
        self._context = context
        self.host = host
        self.advertise = advertise
        self.port = port
        self._listener: asyncio.Server | None = None
        self._server: web.Server | None = None

    @property
    def name(self) -> str:
        """Name of the node."""
        return self.node.profile.name

    @property
    def address(self) -> str:
        """Published address: ``host:port``, with brackets around an IPv6 address."""
        host = f"[{self.advertise}]" if ":" in self.advertise else self.advertise
        return f"{host}:{self.port}"

    async def listen(self) -> None:
        """Start to listen.

        Raises:
            OSError: the port is in use.
        """
        if self._listener is not None:
            return
        server = web.Server(self._answer, access_log=None, handler_cancellation=True)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(server, self.host, self.port, backlog=_BACKLOG, ssl=self._context)
        self._server = server
        self.port = self._listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse new connections, and close open ones."""
        if self._listener is None or self._server is None:
            return
        self._listener.close()
        await self._server.shutdown(_CLOSE_SECONDS)
        self._listener = self._server = None

    async def set_fault(self, fault: Fault) -> None:
        """Set the node's fault.

        Raises:
            OSError: a dead node cannot listen again, because its port is in use.
        """
        if fault is Fault.DEAD:
            await self.close()
        else:
            await self.listen()
        self.node.set_fault(fault, time.time())

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics" and not (request.path == MOVED_PATH and self.node.fault is Fault.REDIRECT):
            return web.Response(status=404, text="The metrics are at /metrics.\n")
        requested = frozenset(request.query.getall("collect[]", ())) or None
        unknown = sorted((requested or frozenset()) - KNOWN_COLLECTORS)
        if unknown:
            return web.Response(
                status=400, text=f"Couldn't create filtered metrics handler: missing collector: {unknown[0]}"
            )
        match self.node.fault:
            case Fault.BROKEN:
                return web.Response(body=self._garbage(), headers=_HEADERS)
            case Fault.DRIP:
                return await self._drip(request)
            case Fault.HUGE:
                return await self._huge(request)
            case Fault.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
            case Fault.HUNG if requested is None or "filesystem" in requested:
                await asyncio.sleep(HUNG_SECONDS)
            case Fault.FLAPPING if time.time() % (2 * FLAP_SECONDS) >= FLAP_SECONDS:
                return web.Response(status=503, text="This node flaps.\n")
            case Fault.REDIRECT if request.path != MOVED_PATH:
                return web.Response(status=302, headers={"Location": MOVED_PATH})
            case Fault.MISNAMED if requested is not None:
                requested -= {"thermal_zone"}
        return self._serve(requested)

    def _serve(self, requested: frozenset[str] | None) -> web.Response:
        exposition = self.node.exposition(time.time(), requested)
        match self.node.fault:
            case Fault.GZIP:
                return web.Response(body=gzip.compress(exposition, 1), headers=_HEADERS | {"Content-Encoding": "gzip"})
            case Fault.UNENDED:
                return web.Response(body=exposition.removesuffix(b"\n"), headers=_HEADERS)
        return web.Response(body=exposition, headers=_HEADERS)

    def _garbage(self) -> bytes:
        random = Random(self.name)  # noqa: S311 - a simulation, not a secret
        exposition = self.node.exposition(time.time())
        return exposition[: len(exposition) // 3] + b'\nnode_load1{cpu="0 NaN{{\n' + random.randbytes(_GARBAGE_BYTES)

    async def _drip(self, request: web.BaseRequest) -> web.StreamResponse:
        exposition = self.node.exposition(time.time())
        pieces = (exposition[position : position + 1] for position in range(len(exposition)))
        return await _stream(request, {"Content-Length": str(len(exposition))}, pieces, DRIP_SECONDS_PER_BYTE)

    async def _huge(self, request: web.BaseRequest) -> web.StreamResponse:
        return await _stream(request, {}, itertools.repeat(_FILLER, -(-HUGE_BYTES // len(_FILLER))), 0)


async def _stream(
    request: web.BaseRequest, headers: dict[str, str], chunks: Iterable[bytes], pause_seconds: float
) -> web.StreamResponse:
    """Send the chunks, with a pause after each, while the client stays connected."""
    response = web.StreamResponse(headers=_HEADERS | headers)
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(pause_seconds)
    return response
