"""The limits of HTTP that both loops keep. Each use reads the constant of this module, so a test can change a limit."""

from typing import Final

#: Most concurrent connections; the limit of open files is usually lower.
CONNECTION_LIMIT: Final = 50_000
#: Connections that are accepted, and pieces of a body that are read, before other greenlets run. Without this limit the
#: loop would continue while more connections or pieces are ready.
OPERATIONS_BEFORE_YIELD: Final = 16
#: Connections that wait to be accepted: after a restart all browsers reconnect together.
ACCEPT_BACKLOG: Final = 4096
#: Seconds that a connection may wait for its next HTTP request; longer than proxies keep connections.
KEEPALIVE_SECONDS: Final = 75
#: Seconds that a read or a write of HTTP may wait for the client.
SOCKET_TIMEOUT_SECONDS: Final = 30
#: Seconds that a client has to send the head of a request, and to send its body.
HEAD_SECONDS: Final = 30
BODY_SECONDS: Final = 60
#: Bytes of a request line, of another line of a head, and of a head without its request line.
REQUEST_LINE_BYTES: Final = 8191
HEAD_LINE_BYTES: Final = 8191
HEAD_BYTES: Final = 64 * 1024
#: Bytes of a body, and seconds, that the server reads and discards after the answer.
DISCARD_BYTES: Final = 8 * 1024 * 1024
DISCARD_SECONDS: Final = 5
#: Bytes of unsent data that the kernel may keep for a client.
UNSENT_BYTES: Final = 128 * 1024
