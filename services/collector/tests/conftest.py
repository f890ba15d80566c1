"""Pages, samples and observations to test with."""

import http.server
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.conditions import Observation
from collector.evaluate import Moment
from collector.measures import Measures
from collector.sample import Filesystem
from collector.targets import Target
from tests.drivers.copies import Copies
from tests.drivers.serving import serving

_PAGES = Path(__file__).parent / "pages"


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
def exporter(page: Callable[[str], bytes]) -> Iterator[int]:
    """An exporter that serves a page as node_exporter gives it; the port."""
    body = page("node_exporter_1.5.0_collect")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield server.server_address[1]


@pytest.fixture(scope="session")
def target() -> Callable[..., Target]:
    """Makes a target of a host and a port."""

    def make(host: str = "node6.lan", port: int = 9100, **fields: str) -> Target:
        values = {"node": host, "address": f"{host}:{port}", "role": "worker"} | fields
        return Target(host=host, port=port, **values)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def online() -> Callable[..., Observation]:
    """Makes an observation of an online node with some measures."""
    return lambda node="node6.lan", **measures: Observation(node, "online", None, Measures(**measures))


@pytest.fixture(scope="session")
def offline() -> Callable[..., Observation]:
    """Makes an observation of an offline node."""
    return lambda node="node6.lan", error="connection refused": Observation(node, "offline", error, None)


@pytest.fixture(scope="session")
def filesystem() -> Callable[..., Filesystem]:
    """Makes a file system in use to so many percent."""
    return lambda mountpoint, usage=10.0, readonly=False: Filesystem(
        mountpoint, 1000.0, 1000.0 - 10 * usage, 1000.0 - 10 * usage, readonly
    )


@pytest.fixture(scope="session")
def at() -> Callable[[float], Moment]:
    """Makes the moment so many seconds after a fixed start."""
    return lambda seconds: Moment(1000.0 + seconds, 1_795_426_800.0 + seconds)
