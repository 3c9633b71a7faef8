"""One trial, alive in this process: train(batches), validate(), save(directory), load(path).

It knows nothing of experiments and workers, so that a test or a notebook can hold one in its hands. What all trial
classes share stands here: steps and their reports, checkpoints and their order.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from pedl.errors import CheckpointError
from pedl.trial import checkpoint
from pedl.trial.callback import Callbacks
from pedl.trial.during import cannot_be_computed, during
from pedl.trial.generators import get_global_state, set_global_state
from pedl.trial.operations import Watched
from pedl.trial.recorder import Recorder
from pedl.trial.sources import Segment, Source
from pedl.trial.start import Started


@dataclass(frozen=True)
class StepReport:
    """What is known of a step when its last batch is over.

    Attributes:
      step: from 1.
      batches: batches done at its end.
      metrics: means over the step's samples.
      states, data, samples: 8 bytes per batch of the step: the word of all variables after it, of its data, and of its
        samples in any order.
      fingerprint: the chain's end after this step, 64 hexadecimal digits.
      tensors: position and name of each variable -> its word at the step's end, or, where every batch is recorded, its
        words.
    """

    step: int
    batches: int
    metrics: dict[str, Any]
    states: bytes
    data: bytes
    samples: bytes
    fingerprint: str
    tensors: dict[str, str]


class Run(ABC):
    """A trial that is being trained.

    Args:
      started: the trial's instance, new, and what belongs to it.
      batches_per_step: at least 1.
      every_tensor: whether a word per variable is recorded at every batch, and not only at a step's end.

    Attributes:
      model: the Keras model, where there is one.
      trains: whether callbacks are told that training begins; set to False before anything else, it makes a run that is
        looked at and never trained.
      batches_done: batches trained so far.
      batches_validated: validation batches so far, in this process: a sign of progress.
      initial_word: the word of all variables that exist when the model and its optimizers are built: 16 hexadecimal
        digits.
    """

    model: Any = None
    trains = True
    initial_word: str
    _training: Source
    _validation: Source

    def __init__(self, started: Started, *, batches_per_step: int = 100, every_tensor: bool = False) -> None:
        self._generators = started.generators
        self._batches_per_step = batches_per_step
        self._every_tensor = every_tensor
        self._recorder_or_none: Recorder | None = None
        self._callbacks = Callbacks(started.trial)
        self._begun = False
        self._told_step = 0
        self._times = 0
        self._watched: list[Watched] = []
        self.batches_done = 0
        self.batches_validated = 0

    @final
    def prepare(self) -> None:
        """Compiles what training and validating need; runs nothing. Done once, by the first need.

        Before that, callbacks are told that training begins: what they change, such as what is trainable, is compiled
        in, as by `fit`, and so it is after a resume.
        """
        if self._recorder_or_none is None:
            self._begin()
            self._prepare()
            self._recorder_or_none = Recorder(self._header(), every_tensor=self._every_tensor)

    @final
    def rehearse(self) -> None:
        """Trains one batch and validates one, unheard by callbacks: some mistakes show only in what is computed. The
        run is of no use afterwards.

        Raises:
          FailedDuring: if a batch cannot be computed.
        """
        self.prepare()
        for phase, source in (("training", self._training), ("validation", self._validation)):
            with during(functools.partial(cannot_be_computed, phase)):
                for segment in source.segments(0, 1, lambda: 1):
                    self._compute(phase, source, segment)

    @property
    def steps_done(self) -> int:
        """The steps that are over."""
        return self.batches_done // self._batches_per_step

    @property
    def fingerprint(self) -> str:
        """The end of the chain over all batches done so far: 64 hexadecimal digits."""
        return self._recorder.fingerprint

    @final
    def train(self, batches: int) -> list[StepReport]:
        """Trains `batches` batches, at least 0, and returns a report for each step that ended meanwhile."""
        self.prepare()
        reports = []
        end = self.batches_done + batches
        while self.batches_done < end:
            if self.batches_done % self._batches_per_step == 0:
                self._begin_step()
                self._recorder.begin_step()
            step_end = (self.steps_done + 1) * self._batches_per_step
            self._train(min(end, step_end) - self.batches_done)
            if self.batches_done == step_end:
                reports.append(self._report())
                self._callbacks.tell("on_step_end", reports[-1].step, reports[-1].metrics)
        return reports

    @final
    def train_watched(self, times: int) -> tuple[list[StepReport], list[Watched]]:
        """Trains one batch, after it was trained `times` times and undone, and returns what each of these computed."""
        self._times, self._watched = times, []
        reports = self.train(1)
        self._times = 0
        return reports, self._watched

    @final
    def sample_words(self, start: int, count: int) -> bytes:
        """Returns 8 bytes for each of `count` batches from number `start` on: the words of their samples in any order.
        Trains nothing; the run cannot be trained afterwards.
        """
        self._go_to(start)
        segments = self._training.segments(start, count, lambda: 1)
        return b"".join(segment.samples.tobytes() for segment in segments)

    @property
    def stopped(self) -> bool:
        """Whether a callback has asked to end the training."""
        return False

    @final
    def tell_validated(self, metrics: dict[str, Any]) -> None:
        """Tells the callbacks what `validate()` returned after a step; a second time for the same step does nothing."""
        if self._told_step < self.steps_done:
            self._told_step = self.steps_done
            self._callbacks.tell("on_validation_end", self.steps_done, metrics)
            self._end_epoch(metrics)

    @final
    def end(self) -> None:
        """Ends the training: tells the callbacks, and lets the weights become what they are to be at the end."""
        self.prepare()
        self._end_callbacks()
        self.finish()
        self._callbacks.tell("on_trial_end")

    @final
    def save(self, directory: Path) -> checkpoint.Saved:
        """Writes the whole state to a new directory below `directory`, at any batch; durable when it returns."""
        self.prepare()
        state = {
            "batches_done": self.batches_done,
            "batches_per_step": self._batches_per_step,
            "record": self._recorder.get_state(),
            "host": self._host_state(),
            "callbacks": {"told_step": self._told_step, "states": self._callbacks.get_state()},
            "generators": {"global": get_global_state(), "own": self._generators.get_state()},
        }
        saved = checkpoint.save(directory, state, self._header(), self._arrays())
        self._callbacks.tell("on_checkpoint", saved.path)
        return saved

    @final
    def load(self, path: Path, sha256: str | None = None) -> None:
        """Goes on from a checkpoint as if nothing had happened. The run must be new.

        Raises:
          CheckpointError: if the checkpoint is missing, damaged, or another model's.
        """
        if self._recorder_or_none is not None:
            raise CheckpointError("a checkpoint can be loaded into a new run only: make another run, then load.")
        state, header, arrays = checkpoint.load(path, sha256)
        if state["batches_per_step"] != self._batches_per_step:
            raise CheckpointError(
                f"{path} was saved with batches_per_step {state['batches_per_step']}, expected "
                f"{self._batches_per_step}."
            )
        self._begin()
        self._go_to(state["batches_done"])
        self._restore(header, arrays)
        self._generators.set_state(state["generators"]["own"])
        set_global_state(state["generators"]["global"])
        self._recorder.set_state(state["record"])
        self._set_host_state(state["host"])
        self._told_step = state["callbacks"]["told_step"]
        self._callbacks.set_state(state["callbacks"]["states"])
        self.batches_done = state["batches_done"]

    @final
    def start_from(self, path: Path, sha256: str) -> None:
        """Takes the weights and the optimizers' state of another trial's checkpoint; batches still count from 0.

        Raises:
          CheckpointError: if it is missing or damaged, or a tensor does not fit; the message names it and both sides.
        """
        _, header, arrays = checkpoint.load(path, sha256)
        self._adopt(header, arrays)

    @abstractmethod
    def validate(self) -> dict[str, Any]:
        """Returns the validation metrics over the whole validation set; leaves no trace in the state of training."""

    @abstractmethod
    def validation_metric_names(self) -> list[str]:
        """Returns the sorted names of what `validate()` reports; computes nothing."""

    @abstractmethod
    def weights_sha256(self) -> str:
        """Returns the hash of the model's weights; see `pedl.trial.weights`."""

    @abstractmethod
    def export(self, path: Path, file_format: str, definition: Path) -> list[str]:
        """Writes the model as it is to the new file or directory `path`; the run is of no use afterwards.

        Args:
          file_format: "keras" or "saved_model".
          definition: the model definition.

        Returns:
          The names of the user's classes and functions that loading it wants.

        Raises:
          TrialDefinitionError: if this model cannot be written in this format.
        """

    @abstractmethod
    def finish(self) -> None:
        """Ends the training for good: weights become what the optimizer wants to end with (averages, under EMA)."""

    @abstractmethod
    def close(self) -> None:
        """Ends what the run has started: threads, processes, sessions."""

    @property
    def _recorder(self) -> Recorder:
        self.prepare()
        assert self._recorder_or_none is not None
        return self._recorder_or_none

    @final
    def _report(self) -> StepReport:
        return StepReport(
            step=self.steps_done,
            batches=self.batches_done,
            metrics=self._training_metrics(),
            states=self._recorder.states(),
            data=self._recorder.data(),
            samples=self._recorder.samples(),
            fingerprint=self.fingerprint,
            tensors=self._recorder.tensors(self._tensor_words()),
        )

    @abstractmethod
    def _prepare(self) -> None:
        """Does the work of `prepare`; afterwards `_header` is complete."""

    @final
    def _begin(self) -> None:
        """Tells the callbacks, once, that this process trains: before anything is traced, and before their state is
        restored.
        """
        if self.trains and not self._begun:
            self._begun = True
            self._callbacks.tell("on_trial_begin")
            self._begin_callbacks()

    @abstractmethod
    def _compute(self, phase: str, source: Source, segment: Segment) -> None:
        """Trains or validates the one batch of a segment; records nothing."""

    def _begin_callbacks(self) -> None:  # noqa: B027 - only Keras has more of them
        """Tells other callbacks than pedl's that training begins in this process."""

    def _end_epoch(self, metrics: dict[str, Any]) -> None:  # noqa: B027
        """Tells other callbacks than pedl's of a validation."""

    def _end_callbacks(self) -> None:  # noqa: B027
        """Tells other callbacks than pedl's that training ends."""

    @final
    def _look_at(self, segment: Segment) -> None:
        """Called with each segment before it is trained."""
        for _ in range(self._times):
            before, generators, own = self._arrays(), get_global_state(), self._generators.get_state()
            self._watched.append(self._watch(segment))
            self._set(before)
            set_global_state(generators)
            self._generators.set_state(own)

    @abstractmethod
    def _watch(self, segment: Segment) -> Watched:
        """Trains the first batch of a segment; returns the word of everything that this computes, in its order."""

    @abstractmethod
    def _set(self, arrays: list[npt.NDArray[Any]]) -> None:
        """Sets the whole state to what `_arrays` returned in this process."""

    @abstractmethod
    def _go_to(self, batches: int) -> None:
        """Goes to this number of batches in the training data; whatever that moves is restored afterwards."""

    @abstractmethod
    def _begin_step(self) -> None:
        """Begins the means over a step."""

    @abstractmethod
    def _train(self, batches: int) -> None:
        """Trains `batches` batches, within one step, tells the recorder of them, and counts them in `batches_done`."""

    @abstractmethod
    def _training_metrics(self) -> dict[str, Any]:
        """Returns the means over the step so far."""

    def _host_state(self) -> dict[str, Any]:
        """Returns what training changes outside of variables, as plain JSON."""
        return {}

    def _set_host_state(self, state: dict[str, Any]) -> None:  # noqa: B027 - most runs have none
        """Goes on from what `_host_state` returned."""

    @abstractmethod
    def _header(self) -> list[dict[str, Any]]:
        """Returns one plain dict per variable of the whole state: group, path, dtype, shape."""

    @abstractmethod
    def _arrays(self) -> list[npt.NDArray[Any]]:
        """Returns the values of the whole state."""

    @abstractmethod
    def _tensor_words(self) -> npt.NDArray[np.uint8]:
        """Returns the word of each variable of the whole state after the last batch: uint8, (variables, 8)."""

    @abstractmethod
    def _adopt(self, header: list[dict[str, Any]], arrays: list[npt.NDArray[Any]]) -> None:
        """Sets weights and optimizers, but not what belongs to the new trial alone: seed generators, learning rates.
        Calls `prepare`. Raises CheckpointError if they are another model's.
        """

    @abstractmethod
    def _restore(self, header: list[dict[str, Any]], arrays: list[npt.NDArray[Any]]) -> None:
        """Sets the whole state, and calls `prepare`. Raises CheckpointError if it is another model's."""
