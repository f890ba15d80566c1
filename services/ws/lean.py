"""Imports python-socketio as its server needs it.

Its clients import what of aiohttp, requests and so on is installed, as it is where the services share a virtual
environment. A replica without them is 15 MB smaller.
"""

import sys
from typing import Final

_CLIENT_LIBRARIES: Final = ("aiohttp", "requests", "simple_websocket", "tornado", "valkey", "websocket")

_hidden = [name for name in _CLIENT_LIBRARIES if name not in sys.modules]
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment]
try:
    import socketio  # noqa: F401
finally:
    for _name in _hidden:
        del sys.modules[_name]
