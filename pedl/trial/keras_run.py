"""A Keras trial, alive in this process."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pedl.trial import fingerprint, metrics
from pedl.trial.building import build, first_inputs, moved_by_data
from pedl.trial.data import data_sources
from pedl.trial.during import during
from pedl.trial.first_batch import does_not_fit
from pedl.trial.keras_callbacks import KerasCallbacks
from pedl.trial.keras_export import export_keras, export_saved_model
from pedl.trial.keras_trial import KerasTrial
from pedl.trial.loop import Loop
from pedl.trial.model_trial import ModelTrial, built_model, own_metrics
from pedl.trial.operations import Watched
from pedl.trial.pace import Pace
from pedl.trial.plain_state import packed, unpacked
from pedl.trial.run import Run
from pedl.trial.sources import Segment, Source
from pedl.trial.start import Started
from pedl.trial.state import WholeState, check_fit, raw
from pedl.trial.tables import check_tables, tables
from pedl.trial.targets import checked_class_weight
from pedl.trial.weights import weights_sha256

_ADOPTED = ("model", "optimizer")
"""Groups of the state that another trial's checkpoint may start."""


class KerasRun(Run):
    """A Keras trial that is being trained.

    Attributes:
      model: the compiled model.
    """

    def __init__(self, started: Started, *, batches_per_step: int = 100, every_tensor: bool = False) -> None:
        super().__init__(started, batches_per_step=batches_per_step, every_tensor=every_tensor)
        trial = started.trial
        assert isinstance(trial, ModelTrial)
        self._trial = trial
        trial_seed, init_seed = trial.context.trial_seed, trial.context.seed_of("init")
        self._training, self._validation = data_sources(started)
        self.model = built_model(trial)
        trial.model = self.model
        moved = moved_by_data(WholeState(self.model, trial), self._training)
        build(self.model, self._training, init_seed)
        self._state = WholeState(self.model, trial, without=moved)
        if self.model.optimizer is not None:
            self.model.optimizer.build(self.model.trainable_variables)
        weight = checked_class_weight(trial) if isinstance(trial, KerasTrial) else None
        self._loop = Loop(self.model, self._state, trial_seed, class_weight=weight, every_tensor=every_tensor)
        self.initial_word = fingerprint.joint_word(self._state.variables()).numpy().tobytes().hex()
        self._keras_callbacks = KerasCallbacks(trial.keras_callbacks(), self.model, type(trial).__name__, self._state)
        self._step_metrics: dict[str, Any] = {}
        self._pace = Pace()
        self._ahead = ThreadPoolExecutor(1, "next-segment")

    def validate(self) -> dict[str, Any]:
        self.prepare()
        before = [(variable, variable.numpy()) for variable in self._changed_by_validation()]
        self.model.reset_metrics()
        self._keras_callbacks.tell("on_test_begin", {})
        segments = self._validation.epoch(self._at_most("validation"))
        for number, segment in enumerate(self._made_ahead("validation", self._validation, segments)):
            with self._batch_told("validation", number):
                self._loop.validate(self._validation, segment)
            self.batches_validated += segment.count
        result = metrics.reported(self.model, "validation") | self._own_metrics()
        self._keras_callbacks.tell("on_test_end", result)
        for variable, value in before:
            variable.assign(value)
        return result

    def validation_metric_names(self) -> list[str]:
        self.prepare()
        own = self._trial.validation_metrics() if self._computes() else {}
        return sorted({*metrics.reported(self.model, "validation"), *own})

    def weights_sha256(self) -> str:
        return weights_sha256(self.model)

    def finish(self) -> None:
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)

    def export(self, path: Path, file_format: str, definition: Path) -> list[str]:
        example = first_inputs(self._training)
        if file_format == "keras":
            return export_keras(self.model, example, path, definition)
        export_saved_model(self.model, example, path)
        return []

    def close(self) -> None:
        self._ahead.shutdown()
        self._training.close()
        self._validation.close()

    def _computes(self) -> bool:
        return hasattr(self._trial, "compute_validation_metrics")

    def _own_metrics(self) -> dict[str, Any]:
        """What `compute_validation_metrics(step)` of the trial returns, of the original system's form."""
        return own_metrics(self._trial, self.steps_done) if self._computes() else {}

    def _prepare(self) -> None:
        for phase, source in (("training", self._training), ("validation", self._validation)):
            for feed in source.examples():
                with during(functools.partial(does_not_fit, self.model, phase, source, feed)):
                    self._loop.prepare(phase, source, feed)

    def _compute(self, phase: str, source: Source, segment: Segment) -> None:
        {"training": self._loop.train, "validation": self._loop.validate}[phase](source, segment)

    def _watch(self, segment: Segment) -> Watched:
        return [] if self.model.run_eagerly else self._loop.watch(self._training, segment)

    def _set(self, arrays: list[npt.NDArray[Any]]) -> None:
        for variable, array in zip(self._state.variables(), arrays, strict=True):
            variable.assign(array)

    def _go_to(self, batches: int) -> None:
        self._training.go_to(batches)

    def _begin_step(self) -> None:
        self.model.reset_metrics()
        self._keras_callbacks.begin_epoch()

    def _train(self, batches: int) -> None:
        segments = self._training.segments(self.batches_done, batches, self._at_most("training"))
        for segment in self._made_ahead("training", self._training, segments):
            self._look_at(segment)
            with self._batch_told("training", self.batches_done), self._pace.timed(segment.count):
                record = self._loop.train(self._training, segment)
            self._recorder.keep(segment.words, segment.samples, record.states, record.tensors)
            self._last_words = record.last
            self.batches_done += segment.count

    def _made_ahead(self, phase: str, source: Source, segments: Iterator[Segment]) -> Iterator[Segment]:
        """Makes the next segment in a thread while the caller works on one.

        Making items borrows the process's generators, and so does tracing: a segment's function is traced before the
        thread begins on the next, and the caller runs compiled functions only. Where it runs the user's Python, in a
        callback that listens to batches or in an eager model, that may draw, too: then nothing is made ahead.
        """
        segment = next(segments, None)
        while segment is not None:
            self._loop.prepare(phase, source, segment.feed)
            if self._keras_callbacks.listens(phase) or self._loop.runs_python(phase):
                yield segment
                segment = next(segments, None)
            else:
                upcoming = self._ahead.submit(next, segments, None)
                yield segment
                segment = upcoming.result()

    def _at_most(self, phase: str) -> Callable[[], int]:
        return (lambda: 1) if self._keras_callbacks.listens(phase) else self._pace.at_most

    @contextmanager
    def _batch_told(self, phase: str, number: int) -> Iterator[None]:
        """Tells callbacks that listen to batches of the one that is trained or validated in the `with`."""
        if not self._keras_callbacks.listens(phase):
            yield
            return
        name = {"training": "train", "validation": "test"}[phase]
        self._keras_callbacks.tell(f"on_{name}_batch_begin", number, {})
        yield
        self._keras_callbacks.tell(f"on_{name}_batch_end", number, metrics.reported(self.model, phase))

    def _training_metrics(self) -> dict[str, Any]:
        self._step_metrics = metrics.reported(self.model, "training")
        return self._step_metrics

    @property
    def stopped(self) -> bool:
        return self._keras_callbacks.stopped

    def _begin_callbacks(self) -> None:
        self._keras_callbacks.begin()

    def _end_epoch(self, metrics: dict[str, Any]) -> None:
        self._keras_callbacks.end_epoch(self._step_metrics, metrics)

    def _end_callbacks(self) -> None:
        self._keras_callbacks.tell("on_train_end", {})

    def _host_state(self) -> dict[str, Any]:
        return {
            "tables": tables(self._layers),
            "step_metrics": packed(self._step_metrics, "a metric"),
            "keras_callbacks": self._keras_callbacks.get_state(),
        }

    def _set_host_state(self, state: dict[str, Any]) -> None:
        check_tables(state["tables"], tables(self._layers))
        self._step_metrics = unpacked(state["step_metrics"])
        self._keras_callbacks.set_state(state["keras_callbacks"])

    def _header(self) -> list[dict[str, Any]]:
        return self._state.header()

    def _arrays(self) -> list[npt.NDArray[Any]]:
        return self._state.arrays()

    def _tensor_words(self) -> npt.NDArray[np.uint8]:
        return self._last_words

    def _adopt(self, header: list[dict[str, Any]], arrays: list[npt.NDArray[Any]]) -> None:
        early = [group for group in _ADOPTED if self._fits_already(header, group)]
        for group in early:
            self._state.adopt(header, arrays, group)
        self._prepare_restored()
        for group in _ADOPTED:
            if group in early:  # a callback may have changed it since, such as a layer that is to begin anew
                check_fit(_of(group, self._state.header()), _of(group, header))
            else:
                self._state.adopt(header, arrays, group)

    def _restore(self, header: list[dict[str, Any]], arrays: list[npt.NDArray[Any]]) -> None:
        if self._fits_already(header, "model"):
            self._state.restore(header, arrays, only=["model"])
        self._prepare_restored()
        self._state.restore(header, arrays)

    def _fits_already(self, header: list[dict[str, Any]], group: str) -> bool:
        """Tells whether a group can be set before tracing, as it should be: some layers bake values of theirs into
        the graph as constants (Normalization.mean). A model whose layers are built by its first train_step has fewer
        variables until then, and waits for them.
        """
        return _of(group, header) == _of(group, self._state.header())

    def _prepare_restored(self) -> None:
        for layer in self._layers:
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
        self.prepare()

    @property
    def _layers(self) -> list[Any]:
        return _flat_layers(self.model)

    def _changed_by_validation(self) -> list[Any]:
        """All but weights and optimizers: metrics, counters of seed generators, states of recurrent layers,
        averages.
        """
        trainable = {id(raw(v)) for v in self.model.trainable_variables}
        return [v for group, v in self._state.groups() if group != "optimizer" and id(v) not in trainable]


def _of(group: str, header: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in header if entry["group"] == group]


def _flat_layers(layer: Any) -> list[Any]:
    found = []
    for inner in getattr(layer, "layers", ()):
        found += [inner, *_flat_layers(inner)]
    return found
