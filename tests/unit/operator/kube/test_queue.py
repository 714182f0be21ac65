"""The schedule of reconciles: one at a time per key, coalesced, failures ever more seldom."""

import asyncio

from shield_operator.kube.queue import FIRST_BACKOFF, MOST_BACKOFF, Lap, Schedule, WorkQueue


def test_a_key_added_twice_runs_once_at_the_earlier_time() -> None:
    schedule = Schedule[str]()
    schedule.add("a", 5.0)
    schedule.add("a", 2.0)
    assert (schedule.take(1.9), schedule.take(2.0), schedule.take(9.0)) == (None, "a", None)


def test_a_running_key_is_not_taken_again_but_runs_once_more_afterwards() -> None:
    schedule = Schedule[str]()
    schedule.add("a", 0.0)
    assert schedule.take(0.0) == "a"
    schedule.add("a", 0.0)
    schedule.add("a", 0.0)
    assert schedule.take(1.0) is None
    schedule.succeeded("a")
    assert (schedule.take(1.0), schedule.take(1.0)) == ("a", None)


def test_the_key_that_is_due_longest_runs_first() -> None:
    schedule = Schedule[str]()
    for key, at in (("late", 3.0), ("early", 1.0), ("middle", 2.0)):
        schedule.add(key, at)
    assert [schedule.take(9.0) for _ in range(3)] == ["early", "middle", "late"]


def test_failures_double_the_pause_up_to_a_bound_and_a_success_forgets_them() -> None:
    schedule = Schedule[str]()
    pauses = [schedule.failed("a", 0.0) for _ in range(40)]
    assert pauses[:3] == [FIRST_BACKOFF, 2 * FIRST_BACKOFF, 4 * FIRST_BACKOFF]
    assert max(pauses) == MOST_BACKOFF
    schedule.succeeded("a")
    assert schedule.failed("a", 0.0) == FIRST_BACKOFF


def test_an_event_during_a_backoff_is_looked_at_at_once() -> None:
    schedule = Schedule[str]()
    for _ in range(10):
        schedule.failed("a", 0.0)
    schedule.add("a", 1.0)
    assert schedule.take(1.0) == "a"


def test_what_asks_to_run_again_is_due_then() -> None:
    schedule = Schedule[str]()
    schedule.succeeded("a", again_at=10.0)
    assert (schedule.next_due(), schedule.take(9.0), schedule.take(10.0)) == (10.0, None, "a")


async def test_workers_run_different_keys_side_by_side_and_one_key_never_twice_at_once() -> None:
    queue = WorkQueue[str]()
    running: list[str] = []
    most: dict[str, int] = {}
    together = asyncio.Event()
    runs = 0

    async def reconcile(key: str) -> Lap:
        nonlocal runs
        running.append(key)
        most[key] = max(most.get(key, 0), running.count(key))
        if len(set(running)) == 2:
            together.set()
        await together.wait()
        queue.add(key, 0.0)
        await asyncio.sleep(0)
        running.remove(key)
        runs += 1
        return Lap()

    workers = [asyncio.create_task(queue.work(reconcile)) for _ in range(4)]
    queue.add("a", 0.0)
    queue.add("b", 0.0)
    async with asyncio.timeout(5):
        while runs < 20:
            await asyncio.sleep(0.001)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert most == {"a": 1, "b": 1}


async def test_a_failed_run_is_repeated() -> None:
    queue = WorkQueue[str]()
    tries = asyncio.Queue[int]()

    async def reconcile(_key: str) -> Lap:
        tries.put_nowait(1)
        return Lap(failed=True)

    worker = asyncio.create_task(queue.work(reconcile))
    queue.add("a", 0.0)
    async with asyncio.timeout(5):
        await tries.get()
        await tries.get()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
