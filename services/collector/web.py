"""The collector's own HTTP port: ``/livez``, ``/readyz`` and ``/metrics``."""

import time
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from access.hosts import MISDIRECTED, MISDIRECTED_TEXT, AllowedHosts, asked_host
from collector.metrics import exposition
from runtime.readiness import LIVE, Readiness


def build_app(
    readiness: Readiness, last_loop: Callable[[], float], stuck_seconds: float, hosts: AllowedHosts
) -> web.Application:
    """Return the application, which answers requests for ``hosts``.

    ``last_loop`` returns the monotonic time of the collector loop's last start. ``/livez`` fails if that is more than
    ``stuck_seconds`` ago. The liveness probe never depends on Redis.
    """

    async def livez(_: web.Request) -> web.Response:
        age = time.monotonic() - last_loop()
        if age > stuck_seconds:
            return web.Response(status=503, text=f"the loop has been stuck for {age:.0f} s\n")
        return web.Response(text=LIVE)

    async def readyz(_: web.Request) -> web.Response:
        status, text = readiness.readyz()
        return web.Response(status=status, text=text)

    async def metrics(_: web.Request) -> web.Response:
        body, content_type = exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

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
