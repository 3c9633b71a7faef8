"""A trial in the hands of a person: what it was, what came of it, and its model."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedl.experiment import handing_out
from pedl.experiment.export import FORMATS

if TYPE_CHECKING:
    from pedl.experiment.recorded import RecordedExperiment


@dataclass(frozen=True)
class TrialResult:
    """A trial as it was when it was asked for.

    Attributes:
      id: its number within the experiment, from 1.
      state: ACTIVE, PAUSED, COMPLETED, CANCELED or ERROR.
      hparams: its hyperparameters, nested as in the configuration.
      metrics: what its last validation said, by name: floats, NaN and infinities among them, or nested lists of
        floats; empty before the first.
      trial_seed: what all its seeds are derived from, 0 .. 2**31 - 1.
      steps_completed: the steps that it was trained for.
      weights_sha256: the hash of the weights that it ended with; None before.
    """

    id: int
    state: str
    hparams: dict[str, Any]
    metrics: dict[str, Any]
    trial_seed: int
    steps_completed: int
    weights_sha256: str | None
    _experiment: RecordedExperiment = field(repr=False, compare=False)

    def export(self, directory: str | Path, format: str = "keras", step: int | None = None) -> dict[str, Any]:
        """Writes the model of the newest checkpoint that is kept, or of that of a step, with a manifest.

        Args:
          directory: must not exist.
          format: "keras" (a file that `keras.models.load_model` reads) or "saved_model" (a SavedModel of TensorFlow).

        Returns:
          The manifest.

        Raises:
          StoreError: if no such checkpoint is kept; the message lists the steps that have one.
          InputError: if `directory` exists, or the model cannot be written in this format.
          NotReproduced: if its weights are not those that were recorded.
        """
        return handing_out.export(self._experiment, self.id, Path(directory), format, step)

    def load_model(self, step: int | None = None, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Returns the model as a `keras.Model` of this process, with the very weights; it is not compiled.

        Takes some seconds: a process of its own makes the model from the recorded definition.

        Args:
          step: the step of the checkpoint; None: the newest that is kept.
          custom_objects: classes and functions of your own that the model holds, by name, as for
            `keras.models.load_model`.

        Raises:
          StoreError: if no such checkpoint is kept; the message lists the steps that have one.
          InputError: if the trial is a graph, or classes of your own are missing; the message names them.
        """
        with tempfile.TemporaryDirectory(prefix="pedl-model-") as name:
            directory = Path(name) / "model"
            manifest = self.export(directory, "keras", step)
            # By name: the process that runs experiments loads TensorFlow for a model, and for nothing else. Types and
            # arrows are not checked here; see CONTRIBUTING.md.
            load = importlib.import_module("pedl.trial.keras_export").load_keras
            return load(directory / FORMATS["keras"], manifest, dict(custom_objects or {}))
