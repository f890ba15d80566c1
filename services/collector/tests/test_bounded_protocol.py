"""What ``BoundedProtocol`` expects of asyncio, uvloop and aiohttp; an upgrade may change each of these."""

import asyncio

import pytest

from collector.exporter_scraper import open_session
from collector.flow_control import (
    PIECE_BYTES,
    UNALLOWED_BYTES,
    UNQUEUED_BYTES,
    BoundedProtocol,
    ReadQueue,
    ReceiveBudget,
    current_budget,
)
from collector.targets.dns import Resolver
from tests.drivers.raw_exporter import OK, RawExporter
from tests.drivers.waiting import until


class Receiver(asyncio.Protocol):
    """Notes the sizes of the pieces; pauses the transport from ``full_bytes`` on, as aiohttp does."""

    def __init__(self, full_bytes):
        self.sizes, self.transport, self._full_bytes = [], None, full_bytes
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.sizes.append(len(data))
        if sum(self.sizes) >= self._full_bytes:
            self.transport.pause_reading()

    def connection_lost(self, error):
        self.closed.set_result(error)


@pytest.fixture
def receive(new_loop):
    """Return a function that connects to an endless exporter and runs a script with the receiver and the budget."""

    def run(script, full_bytes=2**40):
        async def main():
            async def serve(reader, writer):
                try:
                    while True:
                        writer.write(b"x" * 100_000)
                        await writer.drain()
                except ConnectionError:
                    writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            transport, receiver = await asyncio.get_running_loop().create_connection(
                lambda: Receiver(full_bytes), "127.0.0.1", server.sockets[0].getsockname()[1]
            )
            receiver.sizes.clear()
            budget = ReceiveBudget(ReadQueue())
            budget.begin_request()
            budget.expect_exposition()
            BoundedProtocol.receive_from(transport, budget, memoryview(bytearray(PIECE_BYTES)))
            try:
                return await script(receiver, budget)
            finally:
                transport.abort()
                await receiver.closed
                server.close()

        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(main())

    return run


def test_protocol_receives_pieces_within_the_budget(receive):
    async def script(receiver, _):
        await until(lambda: sum(receiver.sizes) >= 20 * PIECE_BYTES)
        return receiver.sizes

    sizes = receive(script)
    assert max(sizes) <= PIECE_BYTES
    assert sum(sizes[:2]) <= UNQUEUED_BYTES + PIECE_BYTES


def test_protocol_requests_no_piece_while_the_receiver_is_full(receive):
    full_bytes = 5 * PIECE_BYTES

    async def script(receiver, _):
        await until(lambda: sum(receiver.sizes) >= full_bytes)
        for _ in range(50):
            await asyncio.sleep(0)
        count = sum(receiver.sizes)
        receiver.transport.resume_reading()
        await until(lambda: sum(receiver.sizes) > count)
        return count

    assert receive(script, full_bytes) < full_bytes + PIECE_BYTES


def test_connection_stays_open_when_the_receiver_resumes_it_before_its_turn(receive, monkeypatch):
    # The queue does not move on.
    monkeypatch.setattr(ReceiveBudget, "wait_for_piece", lambda *_: None)

    async def script(receiver, _):
        await until(lambda: sum(receiver.sizes) >= UNQUEUED_BYTES)
        receiver.sizes.clear()
        for count in range(1, 5):
            receiver.transport.resume_reading()
            await until(lambda count=count: len(receiver.sizes) >= count or receiver.closed.done())
        return receiver.sizes

    assert receive(script) == [UNALLOWED_BYTES] * 4


def test_connection_is_aborted_when_the_exporter_sends_without_a_request(receive):
    async def script(receiver, budget):
        await until(lambda: receiver.sizes)
        budget.end_request()
        await receiver.closed
        return True

    assert receive(script)


def test_connector_gives_each_connection_of_aiohttp_a_budget(new_loop):
    async def main():
        budget = ReceiveBudget(ReadQueue())
        current_budget.set(budget)
        budget.begin_request()
        async with (
            RawExporter(lambda _: OK + b"\r\n") as exporter,
            open_session(Resolver()) as session,
            session.get(f"http://127.0.0.1:{exporter.port}/") as response,
        ):
            connection = response.connection
            assert connection is not None
            assert connection.transport is not None
            return connection.transport.get_protocol(), budget.first_bytes

    with asyncio.Runner(loop_factory=new_loop) as runner:
        protocol, first_bytes = runner.run(main())
    assert isinstance(protocol, BoundedProtocol)
    assert first_bytes == b"HTTP/1.1"
