"""What the api says of itself, and whether the page answers."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.host.status import Status, why_no_page
from tests.drivers.certificate import make_certificate
from tests.drivers.live_product import FrontPage
from tests.drivers.ports import free_port
from tests.drivers.serving import serving
from tests.drivers.valkey import Valkey


@pytest.fixture
def page() -> Iterator[FrontPage]:
    with serving(FrontPage()) as server:
        yield server


@pytest.mark.parametrize("said", ["", "{}", "[]", "null", '{"live": true}', "api: REDIS_URL=… is not valid"])
def test_answer_that_is_none_is_why_nothing_is_known(said: str) -> None:
    assert Status.read(f"something before\n{said}") == Status(False, said or "something before")
    assert Status.read("") == Status(False, "the api says nothing")


def test_page_that_does_not_answer_is_named_with_its_address(valkey: Valkey) -> None:
    port = free_port()
    assert why_no_page("127.0.0.1", port).startswith(f"the page does not answer on 127.0.0.1:{port} (")
    assert why_no_page("127.0.0.1", valkey.port) == f"what answers on 127.0.0.1:{valkey.port} is no HTTP"


def test_page_is_asked_for_over_tls_when_the_port_speaks_it(tmp_path: Path, page: FrontPage) -> None:
    # given
    make_certificate(tmp_path, "DNS:cluster.lab")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    page.socket = context.wrap_socket(page.socket, server_side=True)
    # then
    assert why_no_page("127.0.0.1", page.server_port, "https") == ""
    assert why_no_page("127.0.0.1", page.server_port) != ""
