"""The life of a trial, told once, and what every trial class shares.

In a process of its own:

    numeric profile     thread pools, op determinism, devices              (the recorded ones, or `session_config()`'s)
    seeds               random, np.random, TensorFlow, Keras               (from the trial seed)
    the model definition is imported
    the trial           __init__(hparams), optional
    session_config()    if it wants other pools, the process starts once more with them
    data                make_data_loaders(experiment_config, hparams)
    model, optimizer    build_model(hparams), compile_model(model)
    then, step by step  train `batches_per_step` batches, report; validate; save
    at the end          validate, save, hash the weights

Subclasses give the pieces; the order is pedl's.
"""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.callback import Callback
from pedl.trial.context import TrialContext
from pedl.trial.factory import SeedFactory
from pedl.trial.session import default_session_config

T = TypeVar("T", bound="Trial")


class Trial(ABC):
    """Base of the trial classes. Subclass one of those, not this.

    `__init__(self, hparams)` is optional and need not call `super().__init__`: the attributes below are there before it
    runs.

    Attributes:
      hparams: the hyperparameters of this trial, nested as in the configuration.
      seeded: makes layers and initializers whose seeds depend on the trial seed and a name alone.
      context: the identity of the trial.
    """

    hparams: dict[str, Any]
    seeded: SeedFactory
    context: TrialContext

    def session_config(self, hparams: Mapping[str, Any] | None = None) -> tf.compat.v1.ConfigProto:
        """Returns the thread pools and devices to compute with. Override it to change them.

        The default has pools of the fixed sizes of `reproducibility.threads` (4 and 4), whatever the machine;
        `pedl.trial.deterministic_cpu_session_config()` is the preset of one thread per pool. May be
        declared with or without `hparams`. Called once per process: same hparams, same answer.
        """
        threads = self.context.experiment_config.get("reproducibility", {}).get("threads", {})
        return default_session_config(**threads)

    def callbacks(self) -> Sequence[Callback]:
        """Returns `pedl.trial.Callback`s, which are told of steps, validations and checkpoints."""
        return ()


def instantiate(trial_class: type[T], context: TrialContext) -> T:
    """Returns an instance of a user's trial class, with the base's attributes set before its `__init__`.

    Raises:
      TrialDefinitionError: if the class lacks abstract methods; names each with its signature.
    """
    check_complete(trial_class)
    trial = object.__new__(trial_class)
    trial.hparams = context.hparams
    trial.seeded = SeedFactory(context.seed_of("init"), context.seed_of("dropout"))
    trial.context = context
    if trial_class.__init__ is not object.__init__:
        call(trial.__init__, context.hparams)  # type: ignore[misc]
    return trial


def check_complete(trial_class: type[Trial]) -> None:
    """Raises TrialDefinitionError if the class lacks an abstract method; names each with its signature."""
    missing = sorted(trial_class.__abstractmethods__)
    if missing:
        # Annotations are texts here, and would be shown in quotes.
        signatures = "\n".join(
            f"    def {name}{inspect.signature(getattr(trial_class, name))}".replace("'", "") for name in missing
        )
        raise TrialDefinitionError(
            f"{trial_class.__name__} lacks {len(missing)} method{'s' * (len(missing) > 1)} that a "
            f"{trial_class.__mro__[1].__name__} must have. Add:\n{signatures}"
        )


def call(hook: Any, *arguments: Any) -> Any:
    """Calls a hook of the user's with as many of `arguments` as it declares."""
    parameters = inspect.signature(hook).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return hook(*arguments)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return hook(*arguments[: len(positional)])
