"""From a stored experiment to a running one: lock, journal, executor, master."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from pedl.config import parse_config
from pedl.display.words import command_line
from pedl.errors import StoreError
from pedl.executor import LocalExecutor
from pedl.executor.environment import training_environment
from pedl.experiment.arguments import whole_number
from pedl.experiment.decisions import Decisions
from pedl.experiment.fold import ExperimentState
from pedl.experiment.interrupts import Interrupts
from pedl.experiment.journal import Journal
from pedl.experiment.keeping import Keeper
from pedl.experiment.master import Master
from pedl.experiment.receiving import Receiver
from pedl.experiment.taking_over import alone
from pedl.experiment.trial_state import Payload
from pedl.experiment.workers import ExecutorFactory, Workers
from pedl.store import Home
from pedl.store.storage import Storage

OnRunning = Callable[[ExperimentState, dict[int, int]], None]
"""Told the state of an experiment that runs, and the batches done by trials that run."""


def run_experiment(
    home: Home,
    experiment_id: int,
    workers: int | None,
    on_change: OnRunning,
    on_pausing: Callable[[], None],
    accept_profile_change: bool,
    make_executor: ExecutorFactory = LocalExecutor,
) -> None:
    """Runs an experiment until it is over or stopped. One that is COMPLETED already is left alone.

    Args:
      workers: how many trials run at once, at least 1; None: half the cores that this process may use, at least 1.
      on_pausing: called once, when a signal asks for a pause.

    Raises:
      InputError: if `workers` is less than 1, or no number.
      StoreError: if another process runs it, if it was canceled or has failed, or its model definition was changed.
      NotReproduced: if the numeric profile differs from the recorded one, and no change is accepted.
      KeyboardInterrupt: if it was stopped by a signal, once that is recorded.
    """
    paths = home.paths(experiment_id)
    home.require(experiment_id)
    with (
        alone(home, experiment_id) as descriptor,
        home.open_log(experiment_id) as log,
        Interrupts() as interrupts,
    ):
        events = log.events()
        created = events[0].payload
        limit = trials_at_once(workers, created["config"])
        decisions = Decisions(parse_config(created["config"]), created["experiment_seed"])
        journal = Journal(log, events, decisions)
        if journal.state.state == "COMPLETED":
            return
        if journal.state.state in ("ERROR", "CANCELED"):
            raise StoreError(
                f"Experiment {experiment_id} is over: {journal.state.state}. It cannot go on; see why with: "
                + command_line(home.named, f"experiment describe {experiment_id}")
            )
        go_on = command_line(home.named, f"experiment activate {experiment_id}")
        with make_executor(worker_environment(created["config"]), paths.log) as executor:
            executor.lend(descriptor)
            pool = Workers(executor)
            Master(
                experiment_id=experiment_id,
                journal=journal,
                workers=pool,
                receiver=Receiver(journal, pool, accept_profile_change, go_on),
                paths=paths,
                keeper=Keeper(paths, experiment_storage(created)),
                limit=limit,
                clock=time.monotonic,
                interrupts=interrupts,
                on_change=lambda: on_change(journal.state, pool.batches),
                on_pausing=on_pausing,
            ).run()
        if interrupts.count and journal.state.state == "PAUSED":
            raise KeyboardInterrupt


def experiment_storage(created: Payload) -> Storage | None:
    """Returns where an experiment keeps its checkpoints beside the home; None: nowhere.

    Raises:
      StoreError: if this kind of URL needs a package that is not installed.
    """
    url = created["config"]["checkpoint_storage"]["url"]
    return None if url is None else Storage(url, created["storage_name"])


def worker_environment(config: Payload) -> dict[str, str]:
    """Returns the environment of the training processes of an experiment whose `onednn` is settled."""
    chosen = config["reproducibility"]
    return training_environment(
        os.environ,
        onednn=chosen["onednn"],
        max_instruction_set=chosen["max_instruction_set"],
        extra=config["environment"]["environment_variables"],
    )


def trials_at_once(workers: int | None, config: Payload) -> int:
    """Returns how many trials run at once: `workers`, or half the cores; at least 1, and no more than is configured.

    Raises:
      InputError: if `workers` is less than 1, or no number.
    """
    half = max(1, _usable_cores() // 2)
    slots = half if workers is None else whole_number("workers", workers, "workers={}", ", or None for half the cores")
    limit: int = max(1, slots // config["resources"]["slots_per_trial"])
    allowed: int | None = config["resources"]["max_concurrent_trials"]
    return limit if allowed is None else min(limit, allowed)


def _usable_cores() -> int:
    # taskset, a batch system or a container may allow fewer than there are; macOS has no such list.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
