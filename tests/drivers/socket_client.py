"""A Socket.IO client that keeps every event."""

import threading
from typing import Any

import socketio

from contract.events import NAMESPACES
from tests.clients.listen import in_order
from tests.drivers.waiting import Deadline

Event = tuple[str, str, Any]


class SocketClient:
    """One connection; ``events`` has (namespace, event, payload) in the order of arrival."""

    def __init__(
        self,
        origin: str,
        *namespaces: str,
        transport: str = "websocket",
        auth: Any = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Connect; ``options`` are those of the library's client.

        Raises:
            socketio.exceptions.ConnectionError: a namespace refuses the connection.
        """
        self.events: list[Event] = []
        self._arrived = threading.Condition()
        self._client = in_order(socketio.Client(reconnection_delay=0.2, reconnection_delay_max=1.0, **options))
        reset = self._client.eio._reset

        def close_and_reset() -> None:
            self._close_lost_socket()
            reset()

        self._client.eio._reset = close_and_reset
        self._namespaces = list(namespaces or ("/",))
        for namespace in NAMESPACES:
            self._client.on("*", self._keeper(namespace), namespace=namespace)
        self._client.connect(
            origin,
            headers=lambda: dict(headers or {}),  # the library removes the cookie from it, and a retry would lack it
            namespaces=self._namespaces,
            transports=[transport],
            auth=auth,
            wait_timeout=15,
            retry=True,
        )

    def _keeper(self, namespace: str) -> Any:
        def keep(event: str, payload: Any = None) -> None:
            with self._arrived:
                self.events.append((namespace, event, payload))
                self._arrived.notify_all()

        return keep

    def _close_lost_socket(self) -> None:
        """Close the socket that the library leaves open after the server is gone."""
        if self._client.eio.ws is not None:
            self._client.eio.ws.shutdown()

    @property
    def connected(self) -> bool:
        """Whether the client is connected."""
        return bool(self._client.connected)

    def all(self, event: str, namespace: str | None = None) -> list[Any]:
        """Return the payloads of one event so far."""
        with self._arrived:
            return [data for where, name, data in self.events if name == event and namespace in (None, where)]

    def last(self, event: str) -> Any:
        """Return the newest payload of one event.

        Raises:
            AssertionError: the event has not come yet.
        """
        found = self.all(event)
        assert found, f"no {event} yet"
        return found[-1]

    def wait_for(self, event: str, count: int = 1, *, within_seconds: float = 20.0) -> list[Any]:
        """Wait until ``event`` came at least ``count`` times since the last ``clear``; return its payloads."""
        deadline = Deadline(within_seconds)
        with self._arrived:
            while True:
                found = [data for _, name, data in self.events if name == event]
                if len(found) >= count:
                    return found
                left = deadline.left
                names = [name for _, name, _ in self.events]
                assert left > 0, f"{event} came {len(found)} of {count} times; came: {names[-30:]}"
                self._arrived.wait(min(left, 1))

    def clear(self) -> None:
        """Forget all events."""
        with self._arrived:
            self.events.clear()

    def emit(self, event: str, *data: Any, namespace: str = "/") -> None:
        """Send an event."""
        self._client.emit(event, *data, namespace=namespace)

    def call(self, event: str, data: Any = None, namespace: str = "/") -> Any:
        """Send an event; return its acknowledgement."""
        return self._client.call(event, data, namespace=namespace, timeout=15)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.shutdown()
