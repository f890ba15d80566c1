"""The api's status, the answer of the page, and the readiness of the product."""

import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.host.status import ReadinessCheck, Status, nodes_answering, page_failure
from tests.drivers.certificate import make_certificate
from tests.drivers.live_product import FrontPage, status_line
from tests.drivers.ports import free_port
from tests.drivers.serving import serving
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

#: Prints the content of a file, in place of the api.
STAND_IN = "import sys; print('Redis does not answer', file=sys.stderr); print(open({!r}).read(), end='')"


@pytest.fixture
def page() -> Iterator[FrontPage]:
    with serving(FrontPage()) as server:
        yield server


@pytest.mark.parametrize("output", ["", "{}", "[]", "null", '{"live": true}', "api: REDIS_URL=… is not valid"])
def test_output_that_is_no_status_becomes_the_cause(output: str) -> None:
    assert Status.parse(f"something before\n{output}") == Status(False, output or "something before")
    assert Status.parse("") == Status(False, "the api printed nothing")


def test_page_failure_names_the_address(valkey: Valkey) -> None:
    port = free_port()
    assert page_failure("127.0.0.1", port).startswith(f"the page does not answer on 127.0.0.1:{port} (")
    assert page_failure("127.0.0.1", valkey.port) == f"the server on 127.0.0.1:{valkey.port} does not answer in HTTP"


def test_page_is_requested_over_tls_when_the_scheme_is_https(tmp_path: Path, page: FrontPage) -> None:
    # given
    make_certificate(tmp_path, "DNS:cluster.lab")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    page.socket = context.wrap_socket(page.socket, server_side=True)
    # then
    assert page_failure("127.0.0.1", page.server_port, "https") == ""
    assert page_failure("127.0.0.1", page.server_port) != ""


@pytest.mark.parametrize(
    ("online", "total", "text"),
    [
        (0, 1, "0 of 1 node answer"),
        (1, 1, "1 of 1 node answers"),
        (1, 4, "1 of 4 nodes answers"),
        (3, 4, "3 of 4 nodes answer"),
    ],
)
def test_verb_follows_the_number_of_nodes(online: int, total: int, text: str) -> None:
    assert nodes_answering(online, total) == text


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    """File with the next output of the api."""
    file = tmp_path / "answer"
    file.write_text(status_line(issues=("node8 is offline: it sleeps",)))
    return file


@pytest.fixture
def check(page: FrontPage, answer: Path) -> Iterator[ReadinessCheck]:
    command = [sys.executable, "-c", STAND_IN.format(str(answer))]
    with closing(ReadinessCheck(command, os.environ, "127.0.0.1", page.server_port)) as check:
        yield check


def test_product_is_ready_when_the_api_has_live_data_and_the_page_answers(check: ReadinessCheck) -> None:
    # when
    eventually(check.is_ready)
    # then
    assert check.missing == ""
    assert (check.status.nodes_online, check.status.nodes_total) == (7, 8)
    assert check.status.issues == ("node8 is offline: it sleeps",)


def test_readiness_is_checked_again_until_data_are_live(check: ReadinessCheck, answer: Path) -> None:
    # given
    answer.write_text(status_line("no collector runs on this Redis"))
    assert not check.is_ready()
    eventually(lambda: check.is_ready() or check.missing == "no collector runs on this Redis")
    assert not check.status.is_live
    # when
    answer.write_text(status_line())
    # then
    eventually(check.is_ready)


def test_product_is_not_ready_before_the_page_answers(check: ReadinessCheck, page: FrontPage) -> None:
    # given
    page.status = 503
    # when
    eventually(lambda: check.is_ready() or check.status.is_live)
    # then
    assert check.missing == "the page answers with status 503"
    # and when
    page.status = 303
    assert check.is_ready()


def test_output_longer_than_a_pipe_is_read_completely(check: ReadinessCheck, answer: Path) -> None:
    # given
    issues = tuple(f"node{number} is offline: it sleeps" for number in range(10_000))
    answer.write_text(status_line(issues=issues))
    # when
    eventually(check.is_ready)
    # then
    assert check.status.issues == issues


def test_close_stops_the_check_immediately(page: FrontPage) -> None:
    # given
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with closing(ReadinessCheck(command, os.environ, "127.0.0.1", page.server_port)) as check:
        assert not check.is_ready()
        assert check.missing == "the api has not answered yet"
