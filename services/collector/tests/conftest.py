"""Pages, samples and observations to test with."""

import asyncio
import http.server
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from collector.alerts.conditions import ObservedNode
from collector.alerts.evaluate import CurrentTime
from collector.exporter_scraper import ExporterScraper, open_session
from collector.measures import Measures
from collector.sample import Filesystem
from collector.sentences.failures import connection_refused
from collector.targets.dns import Resolver
from collector.targets.target import Target
from tests.drivers.copies import Copies
from tests.drivers.raw_exporter import RawExporter, Respond
from tests.drivers.serving import serving

_REFUSED = connection_refused()
GENEROUS_SECONDS = 30.0
_PAGES = Path(__file__).parent / "expositions"


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    """What collectors are copies of."""
    copies = Copies("collector.__main__")
    yield copies
    copies.close()


@pytest.fixture(scope="session")
def page() -> Callable[[str], bytes]:
    """Reads an exporter's page by name."""
    return lambda name: (_PAGES / f"{name}.txt").read_bytes()


@pytest.fixture
def serve() -> Iterator[Callable[[str], int]]:
    """Starts an exporter of a page; gives its port."""
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
def exporter(page: Callable[[str], bytes], serve: Callable[[str], int]) -> int:
    """An exporter that serves a page as node_exporter gives it; the port."""
    return serve(page("node_exporter_1.5.0_collect").decode())


@pytest.fixture(scope="session")
def target() -> Callable[..., Target]:
    """Makes a target of a host and a port."""

    def make(host: str = "node6.lan", port: int = 9100, **fields: str) -> Target:
        values = {"node": host, "address": f"{host}:{port}", "role": "worker"} | fields
        return Target(host=host, port=port, **values)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def probed(target: Callable[..., Target]) -> Callable[..., Any]:
    """Runs a script with a probe of an exporter that responds so, and with the exporter; gives what the script returns.

    A number stands for a script that returns the results of so many scrapes, and the exporter. ``fields`` are
    those of the target, ``context`` makes the exporter serve TLS, ``folder`` is that of the credentials.
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
                probe = ExporterScraper(session, resolver, target(host, exporter.port, **fields), timeout)
                if isinstance(script, int):
                    return [await probe.scrape() for _ in range(script)], exporter
                return await script(probe, exporter)

        return asyncio.run(main())

    return run


@pytest.fixture
def half_written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Calls what reads a file, and writes the rest of the file before it has settled; gives what was read."""

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
    """Makes an observation of an online node with some measures."""
    return lambda node="node6.lan", **measures: ObservedNode(node, "online", None, Measures(**measures))


@pytest.fixture(scope="session")
def offline() -> Callable[..., ObservedNode]:
    """Makes an observation of an offline node."""
    return lambda node="node6.lan", error=_REFUSED: ObservedNode(node, "offline", error, None)


@pytest.fixture(scope="session")
def filesystem() -> Callable[..., Filesystem]:
    """Makes a file system in use to so many percent."""
    return lambda mountpoint, usage=10.0, readonly=False: Filesystem(
        mountpoint, 1000.0, 1000.0 - 10 * usage, 1000.0 - 10 * usage, readonly
    )


@pytest.fixture(scope="session")
def at() -> Callable[[float], CurrentTime]:
    """Makes the moment so many seconds after a fixed start."""
    return lambda seconds: CurrentTime(1000.0 + seconds, 1_795_426_800.0 + seconds)
