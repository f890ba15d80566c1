"""The event loop, which ``WS_LOOP`` selects: eventlet or gevent. The other modules do not depend on the loop.

Importing this package monkey-patches the standard library. A process imports it before any other module that may import
``socket``, ``threading`` or ``time``. Afterwards ``time.sleep``, locks and sockets of the standard library let other
greenlets run.

If ``WS_LOOP`` is not valid, the process runs on eventlet until ``ws.config`` refuses the setting.
"""

import ws.loop.native  # noqa: F401  # isort: skip (before a loop patches the modules)

import os
from importlib.util import find_spec

if os.environ.get("WS_LOOP", "").strip() == "gevent" and find_spec("gevent") is not None:
    from ws.loop.gevent_loop import ASYNC_MODE, detach_socket, run_all, serve, spawn, wait_readable
else:
    from ws.loop.eventlet_loop import ASYNC_MODE, detach_socket, run_all, serve, spawn, wait_readable

from ws.loop.http_request import WAIT_FOR_SLOT, after_response, client_socket, descriptor
from ws.loop.limits import CONNECTION_LIMIT
from ws.loop.listener import Listener, Signals
from ws.loop.native import epoll, is_closed_by_peer, read, shut_reading, shut_writing, write

__all__ = [
    "ASYNC_MODE",
    "CONNECTION_LIMIT",
    "WAIT_FOR_SLOT",
    "Listener",
    "Signals",
    "after_response",
    "client_socket",
    "descriptor",
    "detach_socket",
    "epoll",
    "is_closed_by_peer",
    "read",
    "run_all",
    "serve",
    "shut_reading",
    "shut_writing",
    "spawn",
    "wait_readable",
    "write",
]
