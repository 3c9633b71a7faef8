"""The same search, six times, with two trials at once: how many outcomes, and how long a trial takes.

    python benchmarks/outcomes.py [--runs 6] [--trials 12] [--short]

Contenders: pedl with `asha` and with Optuna's TPE (lag 2); Optuna itself (`n_jobs=2`, TPE, a successive halving
pruner); Ray Tune (ASHA, two trials at once), where it is installed. Every contender gets the same model and data, and
every seed that it takes. An outcome is everything that a user sees: hyperparameters, the epochs that each trial was
trained, and the loss of each of them.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEFINITION = Path(__file__).parent / "digits_trial.py"
EPOCHS, BATCHES = 4, 128
Outcome = Callable[[int], Any]


def with_pedl(searcher: dict[str, Any]) -> Outcome:
    def run(trials: int) -> Any:
        from pedl.experiment import create_experiment

        config = {
            "hyperparameters": {"learning_rate": {"type": "log", "base": 10, "minval": -4, "maxval": -1}},
            "searcher": {**searcher, "metric": "loss", "max_trials": trials, "max_steps": EPOCHS},
            "batches_per_step": BATCHES,
            "reproducibility": {"experiment_seed": 1},
        }
        with tempfile.TemporaryDirectory() as name:
            experiment = create_experiment(config, DEFINITION, Path(name) / "home", keep_warm=True)
            experiment.run(workers=2, progress=False)
            return experiment.outcome_sha256

    return run


def train(learning_rate: float, seed: int, report: Callable[[int, float], bool]) -> list[float]:
    """Trains with plain Keras, and returns the validation loss of each epoch; stops when `report` says so."""
    import keras
    from digits_trial import BATCH_SIZE, data, model

    keras.utils.set_random_seed(seed)
    training, validation = data()
    made = model(keras.layers)
    made.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    losses = []
    for epoch in range(1, EPOCHS + 1):
        made.fit(*training, batch_size=BATCH_SIZE, verbose=0)
        losses.append(float(made.evaluate(*validation, verbose=0)))
        if report(epoch, losses[-1]):
            break
    return losses


def with_optuna(trials: int) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found: dict[int, Any] = {}

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)

        def report(epoch: int, loss: float) -> bool:
            trial.report(loss, epoch)
            return bool(trial.should_prune())

        losses = train(rate, trial.number, report)
        found[trial.number] = (rate, losses)
        if len(losses) < EPOCHS:
            raise optuna.TrialPruned
        return losses[-1]

    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=4)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1), pruner=pruner)
    study.optimize(objective, n_trials=trials, n_jobs=2)
    return sorted(found.items())


def with_ray(trials: int) -> Any:
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    here = str(Path(__file__).parent)

    def trainable(config: dict[str, Any]) -> None:
        sys.path.insert(0, here)
        from outcomes import train

        def report(epoch: int, loss: float) -> bool:
            tune.report({"loss": loss})
            return False

        train(config["learning_rate"], 1, report)

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    scheduler = ASHAScheduler(metric="loss", mode="min", max_t=EPOCHS, grace_period=1, reduction_factor=4)
    settings = tune.TuneConfig(num_samples=trials, scheduler=scheduler, max_concurrent_trials=2)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={"learning_rate": tune.loguniform(1e-4, 1e-1)},
        tune_config=settings,
        run_config=tune.RunConfig(verbose=0, storage_path=tempfile.mkdtemp()),
    )
    import random

    import numpy as np

    random.seed(1)
    np.random.seed(1)
    results = tuner.fit()
    return sorted((it.config["learning_rate"], list(it.metrics_dataframe["loss"])) for it in results)


CONTENDERS: dict[str, tuple[str, Outcome]] = {
    "pedl, asha": ("pedl", with_pedl({"name": "asha", "max_rungs": 2})),
    "pedl, TPE": ("optuna", with_pedl({"name": "optuna", "lag": 2})),
    "Optuna, n_jobs=2": ("optuna", with_optuna),
    "Ray Tune, ASHA": ("ray", with_ray),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--short", action="store_true", help="two runs of four trials")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.short:
        chosen.runs, chosen.trials = 2, 4
    if chosen.contender is not None:
        started = time.perf_counter()
        outcome = CONTENDERS[chosen.contender][1](chosen.trials)
        digest = hashlib.sha256(json.dumps(outcome).encode()).hexdigest()
        print(json.dumps({"outcome": digest, "seconds": time.perf_counter() - started}))
        return
    print(f"{'contender':>20} {'outcomes':>10} {'s a trial':>10}")
    for name, (package, _) in CONTENDERS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name:>20} is not installed", flush=True)
            continue
        runs = [_run(name, chosen.trials) for _ in range(chosen.runs)]
        seconds = min(run["seconds"] for run in runs) / chosen.trials
        print(f"{name:>20} {len({run['outcome'] for run in runs}):>7}/{len(runs)} {seconds:>10.2f}", flush=True)


def _run(name: str, trials: int) -> dict[str, Any]:
    words = [sys.executable, __file__, "--contender", name, "--trials", str(trials)]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
