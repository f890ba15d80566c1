"""One Engine.IO session, in which a test chooses the target of each request."""

import json
from typing import Any

import requests
import websocket

#: Separator between the packets of a response in Engine.IO 4.
#: Source: https://github.com/socketio/engine.io-protocol#http-long-polling
SEPARATOR = "\x1e"
_PATH = "/socket.io/?EIO=4&transport="


class PollingSession:
    """A session on HTTP long-polling with ``origin``; ``jar`` has its cookies."""

    def __init__(self, origin: str, jar: requests.Session) -> None:
        self._jar = jar
        answer = jar.get(f"{origin}{_PATH}polling", timeout=30)
        assert answer.status_code == 200, answer.text
        self.sid = json.loads(answer.text[1:])["sid"]

    def connect(self, origin: str) -> str:
        """Connect to the namespace ``/``; return the replica's name."""
        self.send(origin, "40")
        confirmed = self.event(origin, "connection_confirmed")
        return str(confirmed["replica"])

    def send(self, origin: str, packet: str) -> None:
        """Send a packet through ``origin``."""
        answer = self._jar.post(f"{origin}{_PATH}polling&sid={self.sid}", data=packet, timeout=30)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"

    def take(self, origin: str) -> list[str]:
        """Poll through ``origin``; answer a ping the same way; return the packets."""
        answer = self._jar.get(f"{origin}{_PATH}polling&sid={self.sid}", timeout=40)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        packets = answer.content.decode().split(SEPARATOR)
        if "2" in packets:
            self.send(origin, "3")
        return packets

    def event(self, origin: str, name: str) -> Any:
        """Wait for an event of that name; return its payload."""
        for _ in range(20):
            for packet in self.take(origin):
                if packet.startswith(f'42["{name}"'):
                    return json.loads(packet[2:])[1]
        raise AssertionError(f"no {name}")

    def upgrade(self, origin: str) -> websocket.WebSocket:
        """Upgrade to a WebSocket through ``origin``; return the connection."""
        cookie = "; ".join(f"{each.name}={each.value}" for each in self._jar.cookies)
        connection = websocket.create_connection(
            f"ws{origin.removeprefix('http')}{_PATH}websocket&sid={self.sid}",
            timeout=40,
            suppress_origin=True,
            cookie=cookie or None,
        )
        connection.send("2probe")
        assert connection.recv() == "3probe"
        connection.send("5")
        return connection
