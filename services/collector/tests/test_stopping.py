import asyncio

import pytest

from collector.stopping import run_until


def run(work, *, grace_seconds):
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().call_soon(stop.set)
        ended = []
        await run_until(stop, work(stop, ended), grace_seconds=grace_seconds)
        return ended

    return asyncio.run(main())


def test_work_ends_by_itself_when_it_is_quick():
    async def work(stop, ended):
        await stop.wait()
        await asyncio.sleep(0.01)
        ended.append("done")

    assert run(work, grace_seconds=30.0) == ["done"]


def test_work_is_cancelled_when_it_hangs():
    async def work(_, ended):
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cancelled")

    assert run(work, grace_seconds=0.05) == ["cancelled"]


def test_error_of_the_work_is_raised():
    async def work(_, __):
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        run(work, grace_seconds=30.0)
