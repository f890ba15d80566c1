"""The collector's own HTTP port: ``/livez``, ``/readyz`` and ``/metrics``."""

import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from access.hosts import MISDIRECTED, MISDIRECTED_TEXT, AllowedHosts, asked_host
from collector.metrics import exposition
from runtime.readiness import LIVE, Readiness


def build_app(
    readiness: Readiness, turned: Callable[[], float], stuck_seconds: float, hosts: AllowedHosts
) -> web.Application:
    """Return the application, which answers to ``hosts``.

    ``turned`` says when the collector's loop last turned, by the monotonic clock; ``/livez`` fails once that is
    ``stuck_seconds`` ago. It never looks at Redis.
    """

    async def livez(_: web.Request) -> web.Response:
        ago = time.monotonic() - turned()
        if ago > stuck_seconds:
            return web.Response(status=503, text=f"the loop has not turned for {ago:.0f} s\n")
        return web.Response(text=LIVE)

    async def readyz(_: web.Request) -> web.Response:
        status, text = readiness.readyz()
        return web.Response(status=status, text=text)

    async def metrics(_: web.Request) -> web.Response:
        page, content_type = exposition()
        return web.Response(body=page, headers={"Content-Type": content_type})

    app = web.Application(middlewares=[_host_check(hosts)])
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


def _host_check(hosts: AllowedHosts) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = request.headers
        host = asked_host(request.raw_path, ",".join(headers.getall("Host")) if "Host" in headers else None)
        forwarded_for = ",".join(headers.getall("X-Forwarded-For", []))
        if hosts.allows(host, request.path, request.remote or "", forwarded_for):
            return await handler(request)
        return web.Response(status=MISDIRECTED, text=f"{MISDIRECTED_TEXT}\n")

    return check
