"""Who begins next where many wait for few places."""

from runtime.fair_queue import FairQueue


def begun(queue: FairQueue[str]) -> list[str]:
    """All jobs that may begin now, in order."""
    jobs = []
    while (taken := queue.take()) is not None:
        jobs.append(taken[1])
    return jobs


def test_job_of_another_key_begins_first_when_one_key_has_a_crowd() -> None:
    # given
    queue: FairQueue[str] = FairQueue(places=3, at_once=2, waiting=100)
    for number in range(50):
        assert queue.offer("loud", f"loud {number}")
    assert begun(queue) == ["loud 0", "loud 1"]
    # when
    queue.offer("quiet", "quiet")
    # then
    assert begun(queue) == ["quiet"]


def test_keys_are_served_in_turn_when_slots_become_free() -> None:
    # given
    queue: FairQueue[str] = FairQueue(places=1, at_once=1, waiting=100)
    for key in ("a", "b", "c"):
        for number in range(2):
            queue.offer(key, f"{key}{number}")
    order = []
    # when
    while (taken := queue.take()) is not None:
        order.append(taken[1])
        queue.done(taken[0])
    # then
    assert order == ["a0", "b0", "c0", "a1", "b1", "c1"]


def test_job_is_refused_only_when_too_many_of_its_own_key_wait() -> None:
    queue: FairQueue[str] = FairQueue(places=1, at_once=1, waiting=2)
    queue.offer("loud", "first")
    queue.take()
    assert [queue.offer("loud", "x") for _ in range(3)] == [True, True, False]
    assert queue.offer("quiet", "y")


def test_key_starts_no_more_jobs_than_its_limit() -> None:
    # given
    queue: FairQueue[str] = FairQueue(places=10, at_once=2, waiting=100)
    for number in range(3):
        queue.offer("a", f"a{number}")
    assert begun(queue) == ["a0", "a1"]
    # when
    queue.done("a")
    # then
    assert begun(queue) == ["a2"]


def test_withdrawn_job_does_not_start() -> None:
    # given
    queue: FairQueue[str] = FairQueue(places=1, at_once=1, waiting=100)
    for job in ("a0", "a1"):
        queue.offer("a", job)
    queue.take()
    # when
    assert queue.withdraw("a", "a1")
    queue.done("a")
    # then
    assert begun(queue) == []
    assert not queue.withdraw("a", "a1")
    assert not queue.withdraw("nobody", "a1")


def test_queue_forgets_keys_without_jobs() -> None:
    queue: FairQueue[str] = FairQueue(places=1, at_once=1, waiting=1)
    for number in range(100):
        queue.offer(str(number), "job")
        taken = queue.take()
        assert taken is not None
        queue.done(taken[0])
    assert (queue._queues, queue._ready, +queue._running) == ({}, {}, {})
