"""An experiment's results as TensorBoard reads them: a file of scalars and hyperparameters for each trial.

    file of a trial = f(events of that trial, in the order of the log)

The log only grows, and so does f of it: what a file lacks is appended, and a file that is not the beginning of what it
should be is written anew. So writing again adds no point twice, whatever was cut off, and a TensorBoard that looks at
the files while an experiment runs sees them grow. They are made from the log, by whoever wants to look: the process
that trains has no part in it, so no bit and no second of a training depends on them.

Scalars are float32, as TensorBoard has them.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pedl import jsontext
from pedl.errors import StoreError
from pedl.experiment import list_experiments
from pedl.extras import need
from pedl.files import write_synced
from pedl.store import Event, Home
from pedl.store.paths import ExperimentPaths

_SUCCESS, _FAILURE = "STATUS_SUCCESS", "STATUS_FAILURE"
_ENDS = {"trial_closed": _SUCCESS, "failed": _FAILURE, "violation": _FAILURE}
GROUPS = {"step": "training", "validation": "validation"}
"""What metrics of an event are called, by its kind."""


class EventFiles:
    """The files of one experiment of a home, or of all.

    Args:
      experiment_id: None stands for all.

    Raises:
      InputError: if the package that makes them is missing.
      StoreError: if there is no such experiment.
    """

    def __init__(self, home: Home, experiment_id: int | None) -> None:
        need("tensorboard", "TensorBoard", "tensorboard")
        if experiment_id is not None:
            home.require(experiment_id)
        self._home = home
        self._only = experiment_id
        self._seen: dict[int, dict[str, Any]] = {}
        self._last: dict[int, int] = {}
        self._whole: dict[int, dict[int, bytes]] = {}

    @property
    def directory(self) -> Path:
        """What TensorBoard is pointed at."""
        return self._home.tensorboard if self._only is None else self._home.paths(self._only).tensorboard

    def update(self) -> int:
        """Brings the files up to date; returns how many changed. It costs what is new: no event is read twice."""
        self.directory.mkdir(parents=True, exist_ok=True)
        changed = 0
        for entry in list_experiments(self._home):
            experiment_id = entry["id"]
            stands_still = entry["state"] != "ACTIVE" and self._seen.get(experiment_id) == entry
            if self._only in (None, experiment_id) and not stands_still:
                changed += self._write(experiment_id)
                self._seen[experiment_id] = entry
        return changed

    def _write(self, experiment_id: int) -> int:
        """Writes the files of an experiment; of one that was deleted since it was listed, none."""
        try:
            events = self._home.events(experiment_id, self._last.get(experiment_id, 0))
            if not events:
                return 0
            self._last[experiment_id] = events[-1].sequence
            whole = self._whole.setdefault(experiment_id, {})
            return write_event_files(events, self._home.paths(experiment_id), whole)
        except (StoreError, FileNotFoundError):
            if experiment_id in {it["id"] for it in self._home.summaries()}:
                raise
            return 0


def write_event_files(events: Iterable[Event], paths: ExperimentPaths, whole: dict[int, bytes] | None = None) -> int:
    """Writes the file of each trial to where it belongs, and returns how many were not up to date.

    Args:
      events: all of an experiment, or those after the ones that `whole` is about; files of other trials are left alone.
      whole: what files hold, by trial; what `events` add is added.
    """
    whole = {} if whole is None else whole
    trials: dict[int, list[Event]] = {}
    for event in events:
        if event.trial_id is not None:
            trials.setdefault(event.trial_id, []).append(event)
    for number, news in trials.items():
        whole[number] = whole.get(number, b"") + records(news)
    return sum(_bring_up(paths.event_file(number), whole[number]) for number in trials)


def _bring_up(file: Path, content: bytes) -> bool:
    there = file.read_bytes() if file.exists() else b""
    if there == content:
        return False
    if there and content.startswith(there):
        with file.open("ab") as end:
            end.write(content[len(there) :])
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_synced(file, content)
    return True


def records(events: Iterable[Event]) -> bytes:
    """Returns the file of a trial, given its events."""
    from tensorboard.compat.proto.event_pb2 import Event as Record
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    for event in events:
        when = recorded_s(event)
        for fields in _fields(event, when):
            # Deterministic: the order of a map's entries is anything otherwise.
            writer.write(Record(wall_time=when, **fields).SerializeToString(deterministic=True))
    return buffer.getvalue()


def _fields(event: Event, when: float) -> list[dict[str, Any]]:
    if event.kind == "trial_created":
        return [{"file_version": "brain.Event:2"}, {"summary": _begins(event.payload["hparams"], when)}]
    if event.kind in GROUPS:
        return [{"step": event.payload["step"], "summary": _scalars(GROUPS[event.kind], event.payload["metrics"])}]
    return [{"summary": _ends(_ENDS[event.kind], when)}] if event.kind in _ENDS else []


def recorded_s(event: Event) -> float:
    """Returns when an event was recorded, in seconds since 1970."""
    return datetime.fromisoformat(event.recorded_at.replace("Z", "+00:00")).timestamp()


def _scalars(group: str, metrics: Mapping[str, Any]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    numbers = {name: it for name, value in sorted(metrics.items()) if (it := jsontext.number(value)) is not None}
    return Summary(value=[Summary.Value(tag=f"{group}/{name}", simple_value=it) for name, it in numbers.items()])


def _begins(hparams: Mapping[str, Any], when: float) -> Any:
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    info = SessionStartInfo(start_time_secs=when)
    for path, value in jsontext.flat(hparams).items():
        if isinstance(value, bool):
            info.hparams[path].bool_value = value
        elif isinstance(value, int | float) and abs(value) <= sys.float_info.max:  # more has a text only
            info.hparams[path].number_value = value
        else:
            info.hparams[path].string_value = value if isinstance(value, str) else json.dumps(value)
    return _hparams_summary(SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))


def _ends(status: str, when: float) -> Any:
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    info = SessionEndInfo(status=Status.Value(status), end_time_secs=when)
    return _hparams_summary(SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info))


def _hparams_summary(tag: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams.metadata import NULL_TENSOR, PLUGIN_NAME

    plugin = SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME, content=content.SerializeToString(deterministic=True))
    return Summary(value=[Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=NULL_TENSOR)])
