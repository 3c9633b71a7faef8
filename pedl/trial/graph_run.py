"""A `TensorFlowTrial`, alive in this process: one session, one call of it per batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# Not public; `tf.compat.v1` has no other way to it. tests/trial/test_graph_run.py says if it moves.
from tensorflow.core.protobuf import config_pb2

from pedl.errors import TrialDefinitionError
from pedl.trial import operations, session
from pedl.trial.data import data_sources
from pedl.trial.graph import built_graph
from pedl.trial.graph_export import export_saved_model
from pedl.trial.graph_random import training_batch, validation_batch
from pedl.trial.graph_state import GraphState
from pedl.trial.means import Means
from pedl.trial.operations import Watched
from pedl.trial.records import Records
from pedl.trial.run import Run
from pedl.trial.sources import Segment, Source
from pedl.trial.start import Started
from pedl.trial.tensorflow_trial import TensorFlowTrial, check_hooks
from pedl.trial.weights import tensors_sha256

_TRUE, _FALSE = np.array(True), np.array(False)


class GraphRun(Run):
    """A `TensorFlowTrial` that is being trained.

    Attributes:
      session: the session; its graph is complete.
    """

    def __init__(self, started: Started, *, batches_per_step: int = 100, every_tensor: bool = False) -> None:
        super().__init__(started, batches_per_step=batches_per_step, every_tensor=every_tensor)
        trial = started.trial
        assert isinstance(trial, TensorFlowTrial)
        check_hooks(trial)
        self._training, self._validation = data_sources(started)
        self._records = Records(self._training, self._validation)
        self._built = built = built_graph(trial, self._records.specs)
        self.session = tf.compat.v1.Session(
            graph=built.graph, config=session.of_a_session(session.from_plain(started.task["session_config"]))
        )
        self._state = GraphState(self.session, built.variables, built.reads)
        self.session.run(built.initial)
        self._train_batch = self._callable(
            [built.word, *([built.words_after] if every_tensor else []), *self._outputs(built.training_metrics)]
        )
        self._validate_batch = self._callable(self._outputs(built.validation_metrics))
        self._means = Means()
        self.initial_word = self._state.joint_word().tobytes().hex()

    def validate(self) -> dict[str, Any]:
        self.prepare()
        # An output may move a variable, such as the totals of a streaming metric.
        before, word = self._state.arrays(), self._state.joint_word()
        means, number = Means(), 0
        for segment in self._records.epoch(self._validation):
            for batch, size in self._records.batches(self._validation, segment):
                values = self._validate_batch(*batch, _FALSE, self._counter(), validation_batch(number))
                means.add(zip(self._built.validation_metrics, values, strict=True), size)
                number += 1
                self.batches_validated += 1
        if not np.array_equal(word, self._state.joint_word()):
            self._state.assign(before)
        return means.result()

    def validation_metric_names(self) -> list[str]:
        return self._built.validation_metrics

    def weights_sha256(self) -> str:
        header, arrays = self._state.header(), self._state.arrays()
        of_the_model = [(it["path"], a) for it, a in zip(header, arrays, strict=True) if it["group"] == "model"]
        return tensors_sha256([path for path, _ in of_the_model], [array for _, array in of_the_model])

    def finish(self) -> None:
        pass

    def export(self, path: Path, file_format: str, definition: Path) -> list[str]:
        if file_format != "saved_model":
            raise TrialDefinitionError(
                f"a TensorFlowTrial trains a graph, which cannot be exported as {file_format!r}, the format of Keras "
                "models. Export it with --format saved_model."
            )
        export_saved_model(self.session, self._built, path)
        return []

    def close(self) -> None:
        self.session.close()
        self._training.close()
        self._validation.close()

    def _prepare(self) -> None:
        pass

    def _go_to(self, batches: int) -> None:
        self._training.go_to(batches)

    def _begin_step(self) -> None:
        self._means.reset()

    def _train(self, batches: int) -> None:
        for segment in self._records.segments(self._training, self.batches_done, batches):
            self._look_at(segment)
            states, finer = [], []
            for batch, size in self._records.batches(self._training, segment):
                random = training_batch(self.batches_done)
                word, *values = self._train_batch(*batch, _TRUE, self._counter(), random)
                states.append(word)
                if self._every_tensor:
                    finer.append(values.pop(0))
                self._means.add(zip(self._built.training_metrics, values, strict=True), size)
                self.batches_done += 1
            finest = np.stack(finer) if finer else None
            self._recorder.keep(segment.words, segment.samples, np.stack(states), finest)

    def _compute(self, phase: str, source: Source, segment: Segment) -> None:
        batch, _ = next(self._records.batches(source, segment))
        if phase == "training":
            self._train_batch(*batch, _TRUE, self._counter(), training_batch(0))
        else:
            self._validate_batch(*batch, _FALSE, self._counter(), validation_batch(0))

    def _watch(self, segment: Segment) -> Watched:
        with self._built.graph.as_default():
            names, words = operations.words(operations.needed_for(self._built.word.op))
        batch, _ = next(self._records.batches(self._training, segment))
        feeds = (*batch, _TRUE, self._counter(), training_batch(self.batches_done))
        return operations.watched(names, self._callable([words, self._built.word])(*feeds)[0])

    def _set(self, arrays: list[npt.NDArray[Any]]) -> None:
        self._state.assign(arrays)

    def _counter(self) -> npt.NDArray[np.int64]:
        return np.array(self.batches_done, np.int64)

    def _callable(self, fetches: list[tf.Tensor]) -> Callable[..., list[Any]]:
        """Returns a function of the values of all feeds that fetches tensors.

        `Session.make_callable` with feeds is `Session.run`, which takes a dict apart at each call: 0.1 ms.
        """
        options = config_pb2.CallableOptions(
            feed=[tensor.name for tensor in self._built.feeds], fetch=[tensor.name for tensor in fetches]
        )
        made: Callable[..., list[Any]] = self.session._make_callable_from_options(options)
        return made

    def _outputs(self, names: list[str]) -> list[tf.Tensor]:
        return [self._built.outputs[name] for name in names]

    def _training_metrics(self) -> dict[str, Any]:
        return self._means.result()

    def _host_state(self) -> dict[str, Any]:
        return self._means.get_state()

    def _set_host_state(self, state: dict[str, Any]) -> None:
        self._means.set_state(state)

    def _header(self) -> list[dict[str, Any]]:
        return self._state.header()

    def _arrays(self) -> list[npt.NDArray[Any]]:
        return self._state.arrays()

    def _tensor_words(self) -> npt.NDArray[np.uint8]:
        return self._state.words()

    def _adopt(self, header: list[dict[str, Any]], arrays: list[npt.NDArray[Any]]) -> None:
        self._state.adopt(header, arrays)
        self.prepare()

    def _restore(self, header: list[dict[str, Any]], arrays: list[npt.NDArray[Any]]) -> None:
        self._state.restore(header, arrays)
