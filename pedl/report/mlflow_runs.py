"""An experiment as MLflow has it: a run, and in it a run for each trial with parameters, metrics by step and hashes.

Runs are found again by a tag that is a hash of the experiment's beginning, and points by their step: logged twice,
nothing is there twice, and what was cut off is gone on with. Metrics have the time at which they were recorded.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pedl import jsontext
from pedl.errors import InputError, PedlError
from pedl.experiment import Experiment
from pedl.extras import need
from pedl.report.event_files import GROUPS, recorded_s
from pedl.store import Event

MLFLOW_EXPERIMENT = "pedl"
"""The experiment of MLflow that all runs are in."""

_STATUS = {"COMPLETED": "FINISHED", "ERROR": "FAILED", "CANCELED": "KILLED", "PAUSED": "SCHEDULED", "ACTIVE": "RUNNING"}
_MOST_METRICS, _MOST_PARAMS, _LONGEST = 1_000, 100, 500
"""What MLflow takes at once, and the length of a value that every version of it takes."""


_DATABASES = ("sqlite:", "postgresql:", "postgresql+", "mysql:", "mysql+", "mssql:", "mssql+")
_FOR_DATABASES = ("sqlalchemy", "alembic")

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would tell its makers of every use
    "MLFLOW_ALLOW_FILE_STORE": "true",  # it asks whether files are wanted; whoever names them, or has no other, knows
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # 7 are four minutes without a word; what is run again goes on anyway
}
"""What MLflow is told, unless somebody has told it otherwise."""


@dataclass(frozen=True)
class Logged:
    """What was logged: where, the run of the experiment, how many runs are in it, and how many points were new."""

    tracking_uri: str
    run_id: str
    trials: int
    points: int


def log_to_mlflow(experiment: Experiment, tracking_uri: str | None = None) -> Logged:
    """Logs an experiment, or what was not logged of it yet.

    Args:
      tracking_uri: where; None: where MLflow itself would, which `MLFLOW_TRACKING_URI` says, or `mlruns` here if that
        is a database and what MLflow needs for one is not installed.

    Raises:
      InputError: if MLflow is missing, or what it needs for a database that was asked for.
      PedlError: if MLflow refuses; the message is MLflow's.
    """
    need("mlflow", "A run of MLflow", "mlflow")
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    where = _where(tracking_uri)
    try:
        return _Logging(experiment, MlflowClient(tracking_uri=where)).run(where)
    except MlflowException as error:
        raise PedlError(f"MLflow refused: {error}\nChoose where to log with: --tracking-uri URI") from error


def _where(tracking_uri: str | None) -> str:
    """Returns the place that is logged to, for which all is there that MLflow needs."""
    mlflow: Any = import_module("mlflow")  # which has no types for this
    where: str = tracking_uri or mlflow.get_tracking_uri()
    if not where.startswith(_DATABASES) or not (missing := [it for it in _FOR_DATABASES if find_spec(it) is None]):
        return where
    if tracking_uri is None and not mlflow.is_tracking_uri_set():  # MLflow's own choice, of the whole package
        return Path("mlruns").absolute().as_uri()
    raise InputError(
        f"{where} is a database, for which MLflow needs {', '.join(missing)}, not installed here.\n"
        "Install MLflow as a whole with: pip install mlflow\n"
        "Or log to files, with: --tracking-uri file:mlruns"
    )


class _Logging:
    def __init__(self, experiment: Experiment, client: Any) -> None:
        self._client = client
        self._described = experiment.describe()
        self._events = experiment.home.events(experiment.id)
        first = self._events[0]
        beginning = [experiment.id, first.recorded_at, first.payload]
        self._key = hashlib.sha256(jsontext.dumps(beginning).encode()).hexdigest()
        found = client.get_experiment_by_name(MLFLOW_EXPERIMENT)
        self._place: str = client.create_experiment(MLFLOW_EXPERIMENT) if found is None else found.experiment_id
        self._runs: dict[str, Any] = {run.data.tags["pedl.trial"]: run for run in self._logged()}

    def _logged(self) -> Iterator[Any]:
        token: str | None = None
        while token != "":
            page = self._client.search_runs([self._place], f"tags.`pedl.key` = '{self._key}'", page_token=token)
            yield from page
            token = page.token or ""

    def run(self, where: str) -> Logged:
        described = self._described
        own = [event for event in self._events if event.trial_id is None]
        name = f"{described['id']}: {described['description']}".removesuffix(": ")
        parent = self._run("", name, own, {})
        searcher = jsontext.flat(described["config"]["searcher"])
        tags = {name: described[name] for name in ("experiment_seed", "outcome_sha256", "model_definition_sha256")}
        tags |= {"best_trial": described["best_trial"], "labels": ", ".join(described["labels"])}
        self._tell(parent, searcher, tags)
        by_trial: dict[int, list[Event]] = {}
        for event in self._events:
            by_trial.setdefault(event.trial_id or 0, []).append(event)
        points = sum(self._trial(trial, by_trial[trial["id"]], parent) for trial in described["trials"])
        self._end(parent, described["state"], own)
        return Logged(where, parent, len(described["trials"]), points)

    def _trial(self, trial: Mapping[str, Any], events: Sequence[Event], parent: str) -> int:
        number = str(trial["id"])
        metrics = [metric for event in events if event.kind in GROUPS for metric in _metrics(event)]
        before = self._runs.get(number)
        tags = {"seed": trial["trial_seed"], "weights_sha256": trial["weights_sha256"]}
        tags |= {"fingerprint": trial["fingerprint"], "outcome_sha256": self._described["outcome_sha256"]}
        tags |= {"points": len(metrics), "state": trial["state"]}
        if before is not None and all(before.data.tags.get(f"pedl.{name}") == _text(it) for name, it in tags.items()):
            return 0
        run_id = self._run(number, f"{self._described['id']}/{number}", events, {"mlflow.parentRunId": parent})
        logged = self._points(run_id, metrics)
        self._tell(run_id, jsontext.flat(trial["hparams"]), {})
        self._end(run_id, trial["state"], events)
        self._tell(run_id, {}, tags)  # the last: with them the trial counts as logged
        return logged

    def _points(self, run_id: str, metrics: Sequence[Any]) -> int:
        there = {
            (name, it.step)
            for name in {it.key for it in metrics}
            for it in self._client.get_metric_history(run_id, name)
        }
        missing = [it for it in metrics if (it.key, it.step) not in there]
        for start in range(0, len(missing), _MOST_METRICS):
            self._client.log_batch(run_id, metrics=missing[start : start + _MOST_METRICS])
        return len(missing)

    def _run(self, trial: str, name: str, events: Sequence[Event], tags: Mapping[str, str]) -> str:
        if trial not in self._runs:
            every = {"pedl.key": self._key, "pedl.trial": trial, "pedl.experiment": str(self._described["id"]), **tags}
            self._runs[trial] = self._client.create_run(self._place, _ms(events[0]), every, name)
        run_id: str = self._runs[trial].info.run_id
        return run_id

    def _tell(self, run_id: str, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        from mlflow.entities import Param, RunTag

        every = [Param(_name(name), _text(value)) for name, value in params.items()]
        for start in range(0, len(every), _MOST_PARAMS):
            self._client.log_batch(run_id, params=every[start : start + _MOST_PARAMS])
        self._client.log_batch(run_id, tags=[RunTag(f"pedl.{name}", _text(value)) for name, value in tags.items()])

    def _end(self, run_id: str, state: str, events: Sequence[Event]) -> None:
        status = _STATUS[state]
        if status in ("FINISHED", "FAILED", "KILLED"):
            self._client.set_terminated(run_id, status, _ms(events[-1]))
        else:
            self._client.update_run(run_id, status)


def _metrics(event: Event) -> Iterator[Any]:
    from mlflow.entities import Metric

    for name, value in event.payload["metrics"].items():
        number = jsontext.number(value)
        if number is not None:
            yield Metric(f"{GROUPS[event.kind]}/{_name(name)}", number, _ms(event), event.payload["step"])


def _ms(event: Event) -> int:
    return round(1000 * recorded_s(event))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else jsontext.dumps(value))[:_LONGEST]


def _name(name: str) -> str:
    """Returns a name that MLflow takes, and that no other name becomes."""
    # Names are paths in a store of files: with "acc" and "acc/top5" one would be a file and a directory, and one that
    # begins with dots may lead elsewhere.
    taken = re.sub(r"[^\w\-. :]|^\.+", "_", name, flags=re.ASCII)[:200] or "_"
    return taken if taken == name else f"{taken}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
