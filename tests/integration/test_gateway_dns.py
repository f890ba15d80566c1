"""A draining replica keeps its clients when its address leaves DNS, as that of a terminating pod does in Kubernetes."""

import base64
import hashlib
import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from contract import VERSION
from tests.drivers.docker_engine import LABELS, engine
from tests.drivers.ports import free_port
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually

FILES = ROOT / "deploy" / "images" / "gateway"
#: RFC 6455, 1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Much longer than release 0.4 needed to disconnect the clients of an address that had left DNS.
SECONDS = 10.0


class Names(threading.Thread):
    """A DNS server that answers every query for an IPv4 address with ``addresses``."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.addresses = ["127.0.0.1", "127.0.0.2"]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.start()

    def run(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            end = query.index(b"\0", 12) + 5
            found = self.addresses if query[end - 4 : end - 2] == b"\0\1" else []
            records = [b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(address) for address in found]
            head = query[:2] + b"\x81\x80\0\1" + struct.pack("!HHH", len(records), 0, 0)
            self._socket.sendto(head + query[12:end] + b"".join(records), client)


class Replica(BaseHTTPRequestHandler):
    """Reports its health, and opens tunnels without data."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        digest = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + GUID).digest()
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.wfile.write(self.server.server_address[0].encode())
        while self.rfile.read(1):
            pass

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def replicas() -> Iterator[list[ThreadingHTTPServer]]:
    port = free_port()
    servers = [ThreadingHTTPServer((address, port), Replica) for address in ("127.0.0.1", "127.0.0.2")]
    for server in servers:
        server.daemon_threads = True
        server.status = 200  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def gateway(replicas: list[ThreadingHTTPServer], names: Names) -> Iterator[tuple[int, int]]:
    """Run the gateway on two ports of this machine: for clients and for probes."""
    port, probes = free_port(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="gateway-"))
    folder.chmod(0o755)
    for file in filter(Path.is_file, FILES.iterdir()):
        text = (
            file.read_text()
            .replace("bind :8085", f"bind 127.0.0.1:{port}")
            .replace("bind :8404", f"bind 127.0.0.1:{probes}")
        )
        (folder / file.name).write_text(text.replace("parse-resolv-conf", f"nameserver dns 127.0.0.1:{names.port}"))
        (folder / file.name).chmod(0o644)
    container = engine().containers.run(
        f"{os.environ.get('IMAGE_PREFIX', 'dispycluster')}/gateway:{VERSION}",
        detach=True,
        network_mode="host",
        labels=LABELS,
        volumes={str(folder): {"bind": "/etc/gateway", "mode": "ro"}},
        environment={
            "API_ADDRESS": f"127.0.0.1:{replicas[0].server_address[1]}",
            "WS_ADDRESS": f"ws.test:{replicas[0].server_address[1]}",
        },
    )
    yield port, probes
    container.remove(force=True)


def states(probes: int) -> list[str]:
    """Return the gateway's health states of the replicas with an address."""
    try:
        text = requests.get(f"http://127.0.0.1:{probes}/metrics", timeout=15).text
    except requests.ConnectionError:  # it is starting
        return []
    mark = 'haproxy_server_status{proxy="ws"'
    found = [
        line.split('state="')[1].split('"')[0]
        for line in text.splitlines()
        if line.startswith(mark) and line.endswith(" 1")
    ]
    return sorted(state for state in found if state != "MAINT")


def open_tunnel(port: int) -> tuple[str, socket.socket]:
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    received = b""
    while not received.partition(b"\r\n\r\n")[2]:
        received += client.recv(4096)
    assert received.startswith(b"HTTP/1.1 101 "), received
    return received.partition(b"\r\n\r\n")[2].decode(), client


def test_draining_replica_keeps_its_clients_and_gets_no_new_ones_when_it_leaves_dns(
    replicas: list[ThreadingHTTPServer], names: Names, gateway: tuple[int, int]
) -> None:
    port, probes = gateway
    eventually(lambda: states(probes) == ["UP", "UP"], within_seconds=30, what="both replicas are found")
    tunnels = [open_tunnel(port) for _ in range(4)]
    drained = replicas[1]
    mine = [client for where, client in tunnels if where == drained.server_address[0]]
    assert mine
    # When the replica drains
    drained.status = 404  # type: ignore[attr-defined]
    eventually(
        lambda: "UP" in states(probes) and len({*states(probes)}) == 2, within_seconds=30, what="the collector notices"
    )
    # Then new clients go to the other replica
    new = [open_tunnel(port) for _ in range(4)]
    assert {where for where, _ in new} == {replicas[0].server_address[0]}
    # And when its address leaves DNS, then its clients stay
    names.addresses.remove(str(drained.server_address[0]))
    time.sleep(SECONDS)
    for client in mine:
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(1)
    for _, client in [*tunnels, *new]:
        client.close()
