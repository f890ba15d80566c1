"""The collector as a process that follows a target list."""

import asyncio
import json
import queue
import threading

import pytest

from collector.tests.http_sd_server import ListServer, answering, hanging, listing
from contract.names import METRICS_CHANNEL, latest_key
from tests.drivers.copies import CopiedProcess
from tests.drivers.ports import free_port
from tests.drivers.waiting import Deadline, eventually

#: Seconds within which a collector ends after SIGTERM.
END_SECONDS = 5.0


@pytest.fixture
def server():
    """A server of target lists in a thread."""
    started: queue.Queue[tuple[ListServer, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve():
        ended = asyncio.Event()
        async with ListServer(listing([])) as server:
            started.put((server, asyncio.get_running_loop(), ended))
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    server, loop, ended = started.get(timeout=30)
    yield server
    loop.call_soon_threadsafe(ended.set)
    thread.join()


@pytest.fixture
def start(valkey, tmp_path, copies, server):
    processes = []

    def make(**variables):
        settings = {
            "REDIS_URL": valkey.url,
            "CLUSTER_NAME": "lab",
            "COLLECTOR_PORT": str(free_port()),
            "COLLECTOR_SCRAPE_INTERVAL_SECONDS": "0.5",
            "COLLECTOR_TARGETS": str(tmp_path / "nodes.yaml"),
            "COLLECTOR_HTTP_SD_URLS": f"http://127.0.0.1:{server.port}/targets?token=t0ken",
            "COLLECTOR_HTTP_SD_REFRESH_SECONDS": "1",
        }
        processes.append(CopiedProcess("collector", copies, settings | variables))
        processes[-1].start()
        return processes[-1]

    yield make
    for process in processes:
        process.kill()
        assert "Traceback" not in process.log()


def latest(redis, key):
    return json.loads(redis.get(key) or b"{}")


def nodes(redis):
    return {each["address"]: each["labels"] for each in latest(redis, latest_key(METRICS_CHANNEL)).get("nodes", [])}


def issues(redis):
    return " ".join(latest(redis, latest_key("cluster:health")).get("issues", []))


def test_nodes_follow_the_list_and_stay_while_it_cannot_be_read(start, server, redis, exporter):
    address = f"127.0.0.1:{exporter}"
    server.respond = listing([{"targets": [address], "labels": {"rack": "07"}}])
    collector = start()
    eventually(lambda: nodes(redis) == {address: {"rack": "07"}}, within_seconds=30)

    server.respond = answering(status=401)
    eventually(lambda: "its 1 previous target stays in use: HTTP 401: the server requires" in issues(redis))
    assert nodes(redis) == {address: {"rack": "07"}}
    # A collector that starts now has the nodes of the previous one.
    assert collector.stop() == 0
    second = start()
    eventually(lambda: "this collector now publishes" in second.log(), within_seconds=30)
    eventually(lambda: "cannot be read: HTTP 401" in issues(redis))
    assert nodes(redis) == {address: {"rack": "07"}}

    server.respond = listing([{"targets": [address, "127.0.0.2:1"]}])
    eventually(lambda: nodes(redis) == {address: {}, "127.0.0.2:1": {}}, within_seconds=30)
    eventually(lambda: "cannot be read" not in issues(redis))
    log = collector.log() + second.log()
    assert log.count("cannot be read") == 2
    assert "t0ken" not in log


@pytest.mark.parametrize("is_first", [True, False], ids=["first request", "later request"])
def test_collector_ends_in_time_while_a_server_hangs(start, server, redis, exporter, is_first):
    address = f"127.0.0.1:{exporter}"
    server.respond = hanging if is_first else listing([{"targets": [address]}])
    collector = start()
    if not is_first:
        eventually(lambda: nodes(redis) == {address: {}}, within_seconds=30)
        server.respond = hanging
    count = len(server.requests)
    eventually(lambda: len(server.requests) > (0 if is_first else count), within_seconds=30)

    deadline = Deadline(END_SECONDS)
    assert collector.stop() == 0

    assert not deadline.has_passed
    assert collector.log().rstrip().endswith("stopped")


def test_collector_starts_with_rounds_while_a_server_hangs(start, server, redis):
    server.respond = hanging

    start()

    eventually(lambda: "seq" in latest(redis, latest_key(METRICS_CHANNEL)), within_seconds=30)
