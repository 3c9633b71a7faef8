"""From a task to a trial that can be trained: the order of things in a training process.

(1) the recorded pools and op determinism, (2) seeds, (3) the model definition, (4) the instance, (5) its
`session_config()`. Only then data, model and optimizer.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial import context, session
from pedl.trial.definition import load_trial_class
from pedl.trial.generators import seed_everything
from pedl.trial.hyperparameters import Hyperparameters
from pedl.trial.streams import check_streams
from pedl.trial.tracked import TrackedGenerators
from pedl.trial.trial import Trial, call, instantiate


class RestartNeeded(Exception):
    """The trial asks for other pools than those in force: start the process again with `session_config`."""

    def __init__(self, session_config: dict[str, Any]) -> None:
        super().__init__(f"start again with {session_config}")
        self.session_config = session_config


class OtherSession(TrialDefinitionError):
    """The trial asks for another session than the one that it asked for before."""

    def __init__(self, message: str, session_config: dict[str, Any]) -> None:
        super().__init__(message)
        self.session_config = session_config


@dataclass(frozen=True)
class Started:
    """A trial in this process.

    Attributes:
      trial: its instance.
      generators: those that its definition keeps, followed since before it was imported.
      task: what it was started from, with the session it computes in: started from it, another process has the same
        trial.
    """

    trial: Trial
    generators: TrackedGenerators
    task: dict[str, Any]


def start(task: dict[str, Any]) -> Started:
    """Brings a trial to life in this process, which must be new.

    Args:
      task: "trial_seed", "hparams", "config", "definition", "session_config" and ids; see `pedl.trial.worker`.

    Raises:
      RestartNeeded: if `session_config()` asks for something else than what is in force.
      TrialDefinitionError: if the definition is wrong, or answers differently the second time.
    """
    config, asked = task["config"], task["session_config"]
    in_force = compute_as_asked(task)
    context.enter(_context(task))
    seed_everything(task["trial_seed"], context.current("the worker").seed_of("init"))
    definition = Path(task["definition"])
    # Relative paths in user code mean the same from wherever a command goes on with the experiment.
    os.chdir(definition if definition.is_dir() else definition.parent)
    generators = TrackedGenerators(task["trial_seed"], definition)
    generators.install()
    trial = instantiate(load_trial_class(definition, config), context.current("the worker"))
    check_streams(trial)
    where = f"{type(trial).__name__}.session_config()"
    wanted = session.as_plain(session.check(call(trial.session_config, trial.hparams), where))
    if wanted != session.as_plain(in_force):
        if asked is not None:
            raise OtherSession(
                f"{where} gave {wanted} after {asked} in a process that was started with the latter, expected the same "
                "answer for the same "
                "hparams. Let it depend on nothing but them.",
                wanted,
            )
        raise RestartNeeded(wanted)
    return Started(trial, generators, {**task, "session_config": wanted})


def compute_as_asked(task: dict[str, Any]) -> Any:
    """Puts a task's pools and op determinism in force, in a process that has computed nothing; returns the session."""
    config, asked = task["config"]["reproducibility"], task["session_config"]
    in_force = session.default_session_config(**config["threads"]) if asked is None else session.from_plain(asked)
    if config["op_determinism"]:
        tf.config.experimental.enable_op_determinism()
    session.apply(in_force)
    return in_force


def _context(task: dict[str, Any]) -> context.TrialContext:
    return context.TrialContext(
        trial_seed=task["trial_seed"],
        hparams=Hyperparameters(task["hparams"]),
        experiment_config=task["config"],
        experiment_id=task["experiment_id"],
        trial_id=task["trial_id"],
        streams=task.get("streams", {}),
    )
