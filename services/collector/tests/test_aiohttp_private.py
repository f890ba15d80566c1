"""The private attributes of aiohttp that the collector sets have the same meaning as before.

If a test fails after an upgrade, compare the change with ``collector/aiohttp_private.py``, then copy the new digest
from the failure.
"""

import ast
import asyncio
import hashlib
import inspect
from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

import collector.flow_control
from collector.aiohttp_private import forget_response
from collector.exporter_scraper import open_session
from collector.flow_control import ReadQueue, ReceiveBudget, current_budget
from collector.targets.dns import Resolver
from tests.drivers.raw_exporter import RawExporter, answer

COLLECTOR = Path(collector.flow_control.__file__).parent
#: First 12 digits of the SHA-256 of the source of each method that uses the attributes.
METHODS = {
    "connection_lost": "84b98dfd8035",
    "data_received": "9bf7ecf8e505",
    "set_response_params": "2eb047e32248",
}
ATTRIBUTES = {"_parser", "_payload"}


@pytest.mark.parametrize("name", METHODS)
def test_private_method_is_unchanged(name):
    found = hashlib.sha256(inspect.getsource(getattr(ResponseHandler, name)).encode()).hexdigest()[:12]
    assert found == METHODS[name], f"{name} is another one in aiohttp {aiohttp.__version__}"


def test_private_attributes_are_used_in_one_module():
    users = {
        path.name
        for path in COLLECTOR.rglob("*.py")
        if "tests" not in path.parts
        and any(
            isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    assert users == {"aiohttp_private.py"}


def test_connection_without_a_request_keeps_no_response_and_takes_the_next_request(new_loop, monkeypatch):
    handlers = []

    def forget(handler):
        assert {name for name in ATTRIBUTES if getattr(handler, name) is not None} == ATTRIBUTES
        forget_response(handler)
        handlers.append(handler)

    monkeypatch.setattr(collector.flow_control, "forget_response", forget)

    async def main():
        budget = ReceiveBudget(ReadQueue())
        current_budget.set(budget)
        async with RawExporter(lambda _: answer(b"body")) as exporter, open_session(Resolver()) as session:
            for number in range(3):
                assert len(handlers) == number
                budget.begin_request()
                budget.expect_exposition()
                async with session.get(f"http://127.0.0.1:{exporter.port}/") as response:
                    assert await response.read() == b"body"
                budget.end_request()
            assert exporter.connections == 1
            assert [getattr(handlers[-1], name) for name in sorted(ATTRIBUTES)] == [None, None]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert len(set(handlers)) == 1


def test_connections_keep_their_responses_while_another_request_runs():
    budget, handler = ReceiveBudget(ReadQueue()), ResponseHandler.__new__(ResponseHandler)
    handler._parser = handler._payload = "in use"
    for _ in range(2):
        budget.begin_request()
    budget.note_connection(handler)
    budget.end_request()
    assert handler._parser == "in use"
    budget.end_request()
    assert handler._parser is None
