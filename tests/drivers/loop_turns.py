"""How long the turns of an event loop take."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def loop_turns() -> AsyncIterator[list[float]]:
    """The CPU seconds of each turn of the running loop, for as long as the block lasts."""
    seconds: list[float] = []

    async def tick() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            seconds.append(time.thread_time() - begun)

    gc.collect()
    gc.freeze()  # a collection among all that the tests have made would count as a turn's
    ticking = asyncio.create_task(tick())
    try:
        yield seconds
    finally:
        ticking.cancel()
        gc.unfreeze()
