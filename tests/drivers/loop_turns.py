"""Measurement of an event loop's iterations."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def loop_turns() -> AsyncIterator[list[float]]:
    """Yield a list that gets the CPU seconds of each iteration of the running loop."""
    seconds: list[float] = []

    async def tick() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            seconds.append(time.thread_time() - begun)

    gc.collect()
    gc.freeze()  # Else a garbage collection of the tests' objects would count as time of an iteration.
    ticking = asyncio.create_task(tick())
    try:
        yield seconds
    finally:
        ticking.cancel()
        gc.unfreeze()
