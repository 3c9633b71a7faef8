"""One trial, alive in this process: train(batches), validate(), save(directory), load(path).

It knows nothing of experiments and workers, so that a test or a notebook can hold one in its hands.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl import seeds
from pedl.errors import CheckpointError
from pedl.trial import checkpoint, fingerprint, metrics
from pedl.trial.data import data_sources
from pedl.trial.generators import borrowed, get_global_state, set_global_state
from pedl.trial.keras_trial import KerasTrial, built_model
from pedl.trial.loop import Loop
from pedl.trial.sources import Segment, Source
from pedl.trial.start import Started
from pedl.trial.state import WholeState, raw
from pedl.trial.weights import weights_sha256


@dataclass(frozen=True)
class StepReport:
    """What is known of a step when its last batch is over.

    Attributes:
      step: from 1.
      batches: batches done at its end.
      metrics: means over the step's samples.
      states, data: 8 bytes per batch of the step: the word of all variables after it, and of its data.
      fingerprint: the chain's end after this step, 64 hexadecimal digits.
      tensors: position and name of each variable -> its word at the step's end, or, where every batch is recorded, its
        words.
    """

    step: int
    batches: int
    metrics: dict[str, Any]
    states: bytes
    data: bytes
    fingerprint: str
    tensors: dict[str, str]


@dataclass
class _Step:
    """The words of the step that is under way."""

    states: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    data: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    tensors: list[npt.NDArray[np.uint8]] = field(default_factory=list)


class Run:
    """A trial that is being trained.

    Args:
      started: the trial's instance, new, and what belongs to it.
      batches_per_step: at least 1.
      every_tensor: whether a word per variable is recorded at every batch, and not only at a step's end.

    Attributes:
      model: the compiled model.
      batches_done: batches trained so far.
      initial_word: the word of all variables that exist when the model and its optimizers are built: 16 hexadecimal
        digits.
    """

    def __init__(
        self,
        started: Started,
        *,
        batches_per_step: int = 100,
        every_tensor: bool = False,
    ) -> None:
        trial = started.trial
        assert isinstance(trial, KerasTrial)
        self._generators = started.generators
        self._batches_per_step = batches_per_step
        self._every_tensor = every_tensor
        self._training, self._validation = data_sources(started)
        self.model = built_model(trial)
        _build(self.model, self._training, trial.context.trial_seed)
        self._state = WholeState(self.model, trial)
        for optimizer in self._state.optimizers():
            if optimizer is self.model.optimizer:
                optimizer.build(self.model.trainable_variables)
        self._loop = Loop(self.model, self._state, trial.context.trial_seed, every_tensor=every_tensor)
        self.initial_word = fingerprint.joint_word(self._state.variables()).numpy().tobytes().hex()
        self._prepared = False
        self._chain: fingerprint.Chain | None = None
        self._step = _Step()
        self._pace = _Pace()
        self._ahead = ThreadPoolExecutor(1, "next-segment")
        self.batches_done = 0

    def prepare(self) -> None:
        """Traces the compiled functions for the batch shapes that are known; runs nothing. Called once, by the first
        need.
        """
        if self._prepared:
            return
        for phase, source in (("training", self._training), ("validation", self._validation)):
            for feed in source.examples():
                self._loop.prepare(phase, source, feed)
        self._prepared = True
        self._chain = fingerprint.Chain.begin(self._state.header())

    @property
    def steps_done(self) -> int:
        """The steps that are over."""
        return self.batches_done // self._batches_per_step

    @property
    def fingerprint(self) -> str:
        """The end of the chain over all batches done so far: 64 hexadecimal digits."""
        self.prepare()
        assert self._chain is not None
        return self._chain.hexdigest()

    def train(self, batches: int) -> list[StepReport]:
        """Trains `batches` batches, at least 0, and returns a report for each step that ended meanwhile."""
        self.prepare()
        reports = []
        end = self.batches_done + batches
        while self.batches_done < end:
            step_end = (self.steps_done + 1) * self._batches_per_step
            self._train_within_step(min(end, step_end))
            if self.batches_done == step_end:
                reports.append(self._report())
        return reports

    def validate(self) -> dict[str, Any]:
        """Returns the validation metrics over the whole validation set; leaves no trace in the state of training."""
        self.prepare()
        before = [(variable, variable.numpy()) for variable in self._changed_by_validation()]
        self.model.reset_metrics()
        segments = self._validation.segments(0, self._validation.batches_per_epoch, self._pace.at_most)
        for segment in self._made_ahead("validation", self._validation, segments):
            self._loop.validate(self._validation, segment)
        with metrics.phase("validation"):
            result = metrics.reported(self.model.get_metrics_result(), self.model, "validation")
        for variable, value in before:
            variable.assign(value)
        return result

    def validation_metric_names(self) -> list[str]:
        """Returns the sorted names of what `validate()` reports; computes nothing."""
        self.prepare()
        return sorted(metrics.reported(self.model.get_metrics_result(), self.model, "validation"))

    def save(self, directory: Path) -> checkpoint.Saved:
        """Writes the whole state to a new directory below `directory`, at any batch; durable when it returns."""
        self.prepare()
        state = {
            "batches_done": self.batches_done,
            "batches_per_step": self._batches_per_step,
            "fingerprint": self.fingerprint,
            "step": {name: [part.tobytes().hex() for part in parts] for name, parts in vars(self._step).items()},
            "generators": {"global": get_global_state(), "own": self._generators.get_state()},
        }
        return checkpoint.save(directory, state, self._state.header(), self._state.arrays())

    def load(self, path: Path, sha256: str | None = None) -> None:
        """Goes on from a checkpoint as if nothing had happened. The run must be new.

        Raises:
          CheckpointError: if the checkpoint is missing, damaged, or another model's.
        """
        if self.batches_done or self._prepared:
            raise CheckpointError("a checkpoint can be loaded into a new run only: make another Run(trial), then load.")
        state, header, arrays = checkpoint.load(path, sha256)
        if state["batches_per_step"] != self._batches_per_step:
            raise CheckpointError(
                f"{path} was saved with batches_per_step {state['batches_per_step']}, expected "
                f"{self._batches_per_step}."
            )
        # Before tracing: some layers bake values of theirs into the graph as constants (Normalization.mean).
        self._state.restore(header, arrays, only=["model"])
        for layer in _flat_layers(self.model):
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
        self.prepare()
        self._state.restore(header, arrays)
        self._generators.set_state(state["generators"]["own"])
        set_global_state(state["generators"]["global"])
        self.batches_done = state["batches_done"]
        self._chain = fingerprint.Chain(state["fingerprint"])
        self._step = _Step(
            **{name: [_words(part, name, len(header)) for part in parts] for name, parts in state["step"].items()}
        )

    def weights_sha256(self) -> str:
        """Returns the hash of the model's weights; see `pedl.trial.weights`."""
        return weights_sha256(self.model)

    def finish(self) -> None:
        """Ends the training for good: weights become what the optimizer wants to end with (averages, under EMA)."""
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)

    def close(self) -> None:
        """Ends what the data sources started."""
        self._ahead.shutdown()
        self._training.close()
        self._validation.close()

    def _train_within_step(self, end: int) -> None:
        if self.batches_done % self._batches_per_step == 0:
            self.model.reset_metrics()
            self._step = _Step()
        segments = self._training.segments(self.batches_done, end - self.batches_done, self._pace.at_most)
        for segment in self._made_ahead("training", self._training, segments):
            with self._pace.timed(segment.count):
                record = self._loop.train(self._training, segment)
            self._keep(segment.words, record.states, record.tensors)
            self.batches_done += segment.count

    def _made_ahead(self, phase: str, source: Source, segments: Iterator[Segment]) -> Iterator[Segment]:
        """Makes the next segment in a thread while the caller works on one.

        Making items borrows the process's generators, and so does tracing: a segment's function is traced before the
        thread begins on the next, and the caller runs compiled functions only.
        """
        segment = next(segments, None)
        while segment is not None:
            self._loop.prepare(phase, source, segment.feed)
            upcoming = self._ahead.submit(next, segments, None)
            yield segment
            segment = upcoming.result()

    def _keep(self, data: Any, states: Any, tensors: Any) -> None:
        assert self._chain is not None
        self._chain.extend(states, data)
        self._step.data.append(data)
        self._step.states.append(states)
        if tensors is not None:
            self._step.tensors.append(tensors)

    def _report(self) -> StepReport:
        return StepReport(
            step=self.steps_done,
            batches=self.batches_done,
            metrics=metrics.reported(self.model.get_metrics_result(), self.model, "training"),
            states=np.concatenate(self._step.states).tobytes(),
            data=np.concatenate(self._step.data).tobytes(),
            fingerprint=self.fingerprint,
            tensors=self._tensor_words(),
        )

    def _tensor_words(self) -> dict[str, str]:
        names = [f"{index}:{entry['path']}" for index, entry in enumerate(self._state.header())]
        if self._every_tensor:
            every = np.concatenate(self._step.tensors)
            return {name: every[:, index].tobytes().hex() for index, name in enumerate(names)}
        words = fingerprint.words(self._state.variables()).numpy()
        return {name: word.tobytes().hex() for name, word in zip(names, words, strict=True)}

    def _changed_by_validation(self) -> list[Any]:
        """All but weights and optimizers: metrics, counters of seed generators, states of recurrent layers,
        averages.
        """
        trainable = {id(raw(v)) for v in self.model.trainable_variables}
        return [v for group, v in self._state.groups() if group != "optimizer" and id(v) not in trainable]


class _Pace:
    """How many batches a call of the compiled loop is given: about half a second's. The clock moves no bit by it."""

    CALL_S = 0.5

    def __init__(self) -> None:
        self._batches = 8

    def at_most(self) -> int:
        """Returns the number of batches for the next call, at least 1."""
        return self._batches

    @contextmanager
    def timed(self, batches: int) -> Iterator[None]:
        """Learns from the time that a call with `batches` batches takes."""
        started = time.perf_counter()
        yield
        elapsed_s = max(time.perf_counter() - started, 1e-6)
        self._batches = max(1, min(int(batches * self.CALL_S / elapsed_s), 8 * self._batches, 10_000))


def _words(text: str, name: str, variables: int) -> npt.NDArray[np.uint8]:
    shape = (-1, variables, fingerprint.WORD_BYTES) if name == "tensors" else (-1, fingerprint.WORD_BYTES)
    return np.frombuffer(bytes.fromhex(text), np.uint8).reshape(shape)


def _build(model: keras.Model, source: Source, trial_seed: int) -> None:
    """Builds a model that does not know its input's shape yet, from the first batch's; runs nothing, draws from no
    stream.
    """
    if model.built:
        return
    batch = source.take(tf.nest.map_structure(lambda tensor: tensor[0], source.examples()[0]))
    inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
    spec = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), inputs)
    with borrowed(seeds.stream_seed(trial_seed, "build")):
        tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(spec)


def _flat_layers(layer: Any) -> list[Any]:
    found = []
    for inner in getattr(layer, "layers", ()):
        found += [inner, *_flat_layers(inner)]
    return found
