"""A map over processes that changes nothing but the time: results come in order, whatever the number of processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

SECONDS = 300.0  # of processor time that one process may spend on the proofs of a verification
_FEWEST = 16  # items for which a second process pays

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def forked_map(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Generator[Result, None, None]:
    """function(item) for each item, in order, computed by `jobs` forked processes that take the next item in turn.

    The processes inherit `function` and `items` as they are (only results are pickled), so terms keep their identity.
    Where processes cannot fork, or for few items, it is an ordinary map. A process that dies raises EOFError here.
    """
    if jobs < 2 or len(items) < _FEWEST or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(function, items)
        return
    context = multiprocessing.get_context("fork")
    taken = context.Value("l", 0)
    receivers, processes = [], []
    try:
        for _ in range(min(jobs, len(items))):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(function, items, taken, sender), daemon=True)
            process.start()
            sender.close()  # so that the end of the process is the end of its pipe
            receivers.append(receiver)
            processes.append(process)
        yield from _in_order(receivers, len(items))
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _work(function: Callable[[Item], Result], items: Sequence[Item], taken: Any, sender: Connection) -> None:
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(items):
            sender.send(None)  # the work is done: what follows is no death
            return
        sender.send((number, function(items[number])))


def _in_order(receivers: list[Connection], count: int) -> Generator[Any, None, None]:
    """The results by their numbers, each as soon as it and all before it are there."""
    waiting: dict[int, Any] = {}
    for number in range(count):
        while number not in waiting:
            ready = wait(receivers)
            for receiver in [r for r in receivers if r in ready]:
                message = receiver.recv()
                if message is None:
                    receivers.remove(receiver)
                else:
                    waiting[message[0]] = message[1]
        yield waiting.pop(number)
