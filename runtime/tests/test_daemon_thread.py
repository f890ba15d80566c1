import asyncio
import threading

from runtime.daemon_thread import run_in_daemon_thread


def test_thread_does_not_disturb_when_its_result_comes_after_the_loop_has_ended():
    release, ended = threading.Event(), threading.Event()

    def late():
        release.wait(60)
        ended.set()
        raise RuntimeError("nobody waits for this")

    async def start():
        run_in_daemon_thread(late, "late")

    asyncio.run(start())
    release.set()

    assert ended.wait(10)
