"""Fixtures: exporters, scrapers, file systems and observations."""

import asyncio
import http.server
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from collector.alerts.active_alert import CurrentTime
from collector.alerts.conditions import ObservedNode
from collector.exporter_scraper import ExporterScraper, open_session
from collector.measures import Measures
from collector.sample import Filesystem
from collector.sentences.failures import connection_refused
from collector.targets.dns import Resolver
from collector.targets.target import Target
from tests.drivers.copies import Copies
from tests.drivers.raw_exporter import RawExporter, Respond
from tests.drivers.serving import serving

_LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio")]
with suppress(ImportError):  # not on every platform
    import uvloop

    _LOOPS.append(pytest.param(uvloop.new_event_loop, id="uvloop"))
_REFUSED = connection_refused()
GENEROUS_SECONDS = 30.0
_EXPOSITIONS = Path(__file__).parent / "expositions"


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    """The process that collectors are forked from."""
    copies = Copies("collector.__main__")
    yield copies
    copies.close()


@pytest.fixture(scope="session")
def exposition() -> Callable[[str], bytes]:
    """Return a function that reads a stored exposition by name."""
    return lambda name: (_EXPOSITIONS / f"{name}.txt").read_bytes()


@pytest.fixture
def serve() -> Iterator[Callable[[str], int]]:
    """Return a function that starts an exporter of a text and returns its port."""
    with ExitStack() as stack:

        def start(text: str) -> int:
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(text.encode())

                def log_message(self, *_: object) -> None:
                    pass

            server = stack.enter_context(serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)))
            port: int = server.server_address[1]
            return port

        yield start


@pytest.fixture
def exporter(exposition: Callable[[str], bytes], serve: Callable[[str], int]) -> int:
    """The port of an exporter that serves an exposition of node_exporter."""
    return serve(exposition("node_exporter_1.5.0_collect").decode())


@pytest.fixture(scope="session")
def target() -> Callable[..., Target]:
    """Return a function that makes a target."""

    def make(host: str = "node6.lan", port: int = 9100, **fields: str) -> Target:
        values = {"node": host, "address": f"{host}:{port}", "role": "worker"} | fields
        return Target(host=host, port=port, **values)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session", params=_LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes each of the event loops that a collector may run on."""
    loop: Callable[[], asyncio.AbstractEventLoop] = request.param
    return loop


@pytest.fixture(scope="session")
def scrape_with(target: Callable[..., Target], new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Callable[..., Any]:
    """Return a function that runs a script with an exporter and its scraper, and returns the script's result.

    A number instead of a script makes that many scrapes; the result then is the samples and the exporter. ``fields``
    are fields of the target, ``context`` is the exporter's TLS context, ``folder`` is the folder of credentials.
    """

    def run(
        respond: Respond,
        script: Callable[..., Any] | int = 1,
        *,
        host: str = "127.0.0.1",
        timeout: float = GENEROUS_SECONDS,
        context: ssl.SSLContext | None = None,
        folder: Path | None = None,
        **fields: Any,
    ) -> Any:
        async def main() -> Any:
            resolver = Resolver()
            async with RawExporter(respond, context) as exporter, open_session(resolver, folder) as session:
                scraper = ExporterScraper(session, resolver, target(host, exporter.port, **fields), timeout)
                if isinstance(script, int):
                    return [await scraper.scrape() for _ in range(script)], exporter
                return await script(scraper, exporter)

        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(main())

    return run


@pytest.fixture
def half_written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that writes the rest of a file while the file is being read; returns the content read."""

    async def run(read: Callable[[], Awaitable[Any]], write: Callable[[], object]) -> Any:
        sleep, has_seen = asyncio.sleep, asyncio.Event()

        async def settle(seconds: float) -> None:
            has_seen.set()
            await sleep(seconds)

        monkeypatch.setattr(asyncio, "sleep", settle)
        reading = asyncio.ensure_future(read())
        await has_seen.wait()
        write()
        return await reading

    return run


@pytest.fixture(scope="session")
def online() -> Callable[..., ObservedNode]:
    """Return a function that makes an observation of an online node with some measures."""
    return lambda node="node6.lan", **measures: ObservedNode(node, "online", None, Measures(**measures))


@pytest.fixture(scope="session")
def offline() -> Callable[..., ObservedNode]:
    """Return a function that makes an observation of an offline node."""
    return lambda node="node6.lan", error=_REFUSED: ObservedNode(node, "offline", error, None)


@pytest.fixture(scope="session")
def filesystem() -> Callable[..., Filesystem]:
    """Return a function that makes a file system with a usage in percent."""
    return lambda mountpoint, usage=10.0, readonly=False: Filesystem(
        mountpoint, 1000.0, 1000.0 - 10 * usage, 1000.0 - 10 * usage, readonly
    )


@pytest.fixture(scope="session")
def at() -> Callable[[float], CurrentTime]:
    """Return a function that makes the moment some seconds after a fixed start."""
    return lambda seconds: CurrentTime(1000.0 + seconds, 1_795_426_800.0 + seconds)
