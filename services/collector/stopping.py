"""Run work until it is told to stop, within a time limit."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def run_until(stop: asyncio.Event, work: Coroutine[Any, Any, None], *, grace_seconds: float) -> None:
    """Run ``work``, which ends after ``stop``; cancel it if it still runs ``grace_seconds`` after ``stop``.

    Raises:
        Exception: ``work`` raised it.
    """
    working = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((working,), timeout=grace_seconds)
    finally:
        stopped.cancel()
        working.cancel()
    await asyncio.wait((working,))
    if not working.cancelled():
        working.result()
