"""What a place that runs trials promises. The local one is in `local.py`.

A *task* (a plain JSON mapping) goes in, an *attempt* to carry it out runs in a process of its own, and *messages*
(plain JSON mappings with a "type") come out. The laws, which hold for every executor:

1. Messages of one attempt are delivered at least once and in the order sent. Between attempts there is no order:
   nothing that decides may depend on which of two trials answered first.
2. An attempt ends with exactly one terminal message, the last one delivered for it. If its process ends without
   one, the executor makes it: `{"type": "lost", "reason": "killed by signal 9"}`. Half a message is no message.
3. When a terminal message is delivered, the attempt's process is gone: it writes no file after that.
4. An attempt that was killed is fenced: none of its messages is delivered afterwards, not even one sent before.
5. An attempt that stands still (stopped, or without progress for a stated time) is ended by the executor: "lost", with
   that reason. Should its process wake, laws 3 and 4 hold: it is gone before anybody hears of its end.
6. A worker lives no longer than its executor and its master, however these end; while it lives, it holds open the file
   that it was lent, so that whoever comes next can wait for it.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
"""A JSON object. NaN and infinities are the strings "NaN", "Infinity" and "-Infinity"."""

TERMINAL_TYPES = frozenset({"done", "paused", "failed", "restart", "lost"})
"""The types of message that end an attempt; a worker sends any of them but "lost"."""


@dataclass(frozen=True)
class Attempt:
    """One process that works, or worked, on a trial."""

    trial_id: int
    """The trial's number within its experiment, from 1; 0 for the check of a model definition."""
    number: int
    """Counts the attempts of that trial within this executor, from 1."""


class Executor(abc.ABC):
    """Runs tasks in processes and hands back their messages. For one thread: no method is safe to call from two.

    A context manager: leaving it closes it.
    """

    @abc.abstractmethod
    def lend(self, descriptor: int) -> None:
        """Has each worker that is started from now on hold an open file for as long as it lives.

        A lock on that file (`flock`) is then free only when the last of them is gone. Each process that takes part is
        named in the file, by a line of `processes.name`.

        Args:
          descriptor: of a file that is open for appending, and stays so while workers are started.
        """

    @abc.abstractmethod
    def start(self, task: Message) -> Attempt:
        """Starts an attempt at `task`, a JSON object with at least an integer "trial_id"; does not wait for it.

        How many run at once is the caller's decision.

        Raises PedlError if workers cannot be started at all.
        """

    @abc.abstractmethod
    def poll(self, timeout_s: float | None) -> list[tuple[Attempt, Message]]:
        """Returns what arrived, as soon as there is something; an empty list after `timeout_s` seconds (None: never).

        Raises PedlError if workers cannot be started at all (their module does not import, for example).
        """

    @abc.abstractmethod
    def send(self, attempt: Attempt, message: Message) -> None:
        """Sends a message to a worker: `{"type": "pause"}` asks it to checkpoint at its next boundary and to end.

        Does nothing if the attempt has ended: an ending and a request can always cross.
        """

    @abc.abstractmethod
    def kill(self, attempt: Attempt) -> None:
        """Ends an attempt at once and fences it; returns when its process is gone. Does nothing if it has ended."""

    @abc.abstractmethod
    def close(self) -> None:
        """Kills whatever runs and leaves no process behind. May be called twice."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def messages(executor: Executor, task: Message) -> Iterator[Message]:
    """Carries out one task, and yields what its worker says, the terminal message last.

    Who has heard enough leaves, and the worker is ended. For an executor that has no other work.
    """
    attempt = executor.start(task)
    over = False
    try:
        while not over:
            for sender, message in executor.poll(None):
                if sender == attempt:
                    over = message["type"] in TERMINAL_TYPES
                    yield message
    finally:
        if not over:
            executor.kill(attempt)


def last_message(executor: Executor, task: Message) -> Message:
    """Carries out one task, and returns its terminal message."""
    *_, last = messages(executor, task)
    return last
