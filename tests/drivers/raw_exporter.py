"""An exporter that answers each request with a test's bytes."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Final, Self

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

#: Returns the response to a request's head, or its chunks; ``None`` closes the connection.
Respond = Callable[[bytes], bytes | AsyncIterator[bytes] | None]


def answer(body: bytes, head: bytes = OK) -> bytes:
    """Return a complete response with that body."""
    return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


class RawExporter:
    """Listens on a free port of 127.0.0.1, with TLS if there is a context."""

    def __init__(self, respond: Respond, context: ssl.SSLContext | None = None) -> None:
        #: Heads of the requests.
        self.requests: list[bytes] = []
        self.connections = 0
        self.is_serving = False
        self.port = 0
        self._respond = respond
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.sleep(0)  # lets accepted connections start
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        self.is_serving = True
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                response = self._respond(head)
                if response is None:
                    break
                if isinstance(response, bytes):
                    writer.write(response)
                else:
                    async for part in response:
                        writer.write(part)
                        await writer.drain()
        self.is_serving = False
        writer.close()
