import asyncio
import selectors
import time

import pytest

from collector.start_queue import LONGEST_PAUSE_SECONDS, STARTS_PER_TURN, TURN_SECONDS, StartQueue


def run_all(count, work):
    """Run ``work`` in ``count`` tasks that are due now; return how many ran in each turn of the event loop."""

    async def run():
        queue, counts = StartQueue(0.2), [0]

        async def start():
            await queue.wait_until(time.monotonic())
            counts[-1] += 1
            work()

        tasks = [asyncio.create_task(start()) for _ in range(count)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            counts.append(0)
        return [started for started in counts if started]

    return asyncio.run(run())


def test_queue_wakes_a_few_tasks_in_each_turn_when_many_are_due():
    counts = run_all(5 * STARTS_PER_TURN, lambda: None)

    assert sum(counts) == 5 * STARTS_PER_TURN
    assert max(counts) <= STARTS_PER_TURN


def test_queue_wakes_one_task_in_a_turn_when_turns_are_long():
    counts = run_all(3 * STARTS_PER_TURN, lambda: time.sleep(1.2 * TURN_SECONDS))

    assert counts[-3:] == [1, 1, 1]


def test_queue_wakes_the_earliest_task_first_and_no_task_early():
    async def run():
        queue, begun, woken = StartQueue(0.2), time.monotonic(), []

        async def wait(seconds):
            await queue.wait_until(begun + seconds)
            woken.append((seconds, time.monotonic() - begun))

        await asyncio.gather(*map(wait, (0.15, 0.05, 0.1, -1.0)))
        return woken

    woken = asyncio.run(run())
    assert [seconds for seconds, _ in woken] == [-1.0, 0.05, 0.1, 0.15]
    assert all(at >= seconds for seconds, at in woken)


def test_queue_wakes_no_task_while_it_is_held():
    async def run():
        is_held = True
        queue = StartQueue(0.2, lambda: is_held)
        waiting = asyncio.create_task(queue.wait_until(time.monotonic()))
        for _ in range(50):
            await asyncio.sleep(0)
        was_done = waiting.done()
        is_held = False
        await asyncio.wait_for(waiting, 30)
        return was_done

    assert asyncio.run(run()) is False


def test_queue_goes_on_when_waiting_tasks_are_cancelled():
    async def run():
        queue = StartQueue(0.2)
        gone = [asyncio.create_task(queue.wait_until(time.monotonic() + 0.01)) for _ in range(3)]
        waiting = asyncio.create_task(queue.wait_until(time.monotonic() + 0.05))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        await asyncio.wait_for(waiting, 30)

    asyncio.run(run())


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock advances by each wait, which takes no time."""

    class Selector(selectors.DefaultSelector):
        now = 1000.0

        def select(self, timeout=None):
            self.now += timeout or 0.0
            return super().select(0)

    def __init__(self):
        self.selector = self.Selector()
        super().__init__(self.selector)

    def time(self):
        return self.selector.now


def test_queue_pauses_between_two_turns_that_wake_tasks(monkeypatch):
    woken = []

    async def run(begun):
        queue = StartQueue(20.0)

        async def wait(seconds):
            await queue.wait_until(begun + seconds)
            woken.append(time.monotonic() - begun)

        await asyncio.gather(*map(wait, (0.01, 0.02, 0.03, 0.04)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        monkeypatch.setattr(time, "monotonic", runner.get_loop().time)
        runner.run(run(time.monotonic()))

    # The others are woken together.
    assert woken == pytest.approx([0.01, *3 * [0.01 + LONGEST_PAUSE_SECONDS]], abs=0.001)
