"""Choose the event loop: uvloop if it is installed, which takes less CPU for each scrape, otherwise asyncio's own."""

import asyncio
import logging

_log = logging.getLogger(__name__)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop. uvloop has wheels for x86-64 and aarch64."""
    try:
        import uvloop
    except ImportError:
        _log.debug("the event loop is asyncio's")
        return asyncio.new_event_loop()
    _log.debug("the event loop is uvloop's")
    return uvloop.new_event_loop()
