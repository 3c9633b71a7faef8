"""Killed in the middle and resumed: is the result identical? Keras's BackupAndRestore, Optuna and pedl.

    python benchmarks/interruption.py [--who keras optuna pedl]        (needs optuna: pip install 'pedl[optuna]')

Everybody is killed for real (SIGKILL) at a moment of its own choice, started again as its documentation says, and
compared with a run that nobody disturbed: the final weights, byte for byte, or the hyperparameters of all trials.

- Keras: `fit` with `keras.callbacks.BackupAndRestore`, after `keras.utils.set_random_seed` and
  `enable_op_determinism`; the same script is run again.
- Optuna: a study in SQLite with a seeded sampler; the same script is run again until it has enough trials. With the
  sampler kept, as its FAQ advises for reproducible resuming: pickled after each trial.
- pedl: `pedl experiment create`, its master and so all else killed; then `pedl experiment activate 1`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent

BATCHES_PER_EPOCH, EPOCHS = 25, 4
TRIALS = 8

MODELS = {
    "plain": "weights only, data in their order",
    "shuffled": "shuffled data",
    "dropout": "dropout",
}
BETWEEN, WITHIN = 2 * BATCHES_PER_EPOCH, 2 * BATCHES_PER_EPOCH + 13
"""Batches after which a training is killed: between two epochs, and within one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    contenders = {"keras": of_keras, "optuna": of_optuna, "pedl": of_pedl}
    parser.add_argument("--who", nargs="+", choices=contenders, default=list(contenders))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        who, how = arguments.child
        {"keras": train_with_keras, "optuna": search_with_optuna}[who](json.loads(how))
        return
    names = [f"{name} {version(name)}" for name in ("keras", "tensorflow", "optuna")]
    print(f"{time.strftime('%Y-%m-%d')}, {', '.join(names)}\n")
    print("| what runs, and when it is killed | with | result |")
    print("|---|---|---|")
    for row in chain.from_iterable(contenders[who]() for who in arguments.who):
        print(f"| {' | '.join(row)} |", flush=True)


def said(same: bool) -> str:
    return "identical" if same else "**another one**"


def of_keras() -> Iterator[tuple[str, str, str]]:
    for model, what in MODELS.items():
        calm = again_until_done("keras", {"model": model})
        for when, kill_at in (("between epochs", BETWEEN), ("within an epoch", WITHIN)):
            found = again_until_done("keras", {"model": model, "kill_at": kill_at})
            yield f"training, {what}; {when}", "`BackupAndRestore`", said(found == calm)
        found = again_until_done("keras", {"model": model, "kill_at": WITHIN, "save_freq": 10})
        yield f"training, {what}; within an epoch", "`BackupAndRestore`, `save_freq=10`", said(found == calm)


def of_optuna() -> Iterator[tuple[str, str, str]]:
    for sampler in ("RandomSampler", "TPESampler"):
        for kept in (False, True):
            calm = again_until_done("optuna", {"sampler": sampler, "kept": kept})
            for when, kill_at in (("between trials", [4, "after"]), ("within a trial", [4, "within"])):
                found = again_until_done("optuna", {"sampler": sampler, "kept": kept, "kill_at": kill_at})
                how = f"Optuna, `{sampler}`" + (", pickled" if kept else "")
                yield f"search; {when}", how, said(found == calm)


def again_until_done(who: str, how: dict[str, Any]) -> str:
    """Runs a script of this file in a directory of its own, again if it was killed, and returns what it found."""
    with tempfile.TemporaryDirectory() as directory:
        for attempt in range(2):
            words = json.dumps({**how, "directory": directory, "kill_at": how.get("kill_at") if attempt == 0 else None})
            done = subprocess.run(
                [sys.executable, __file__, "--child", who, words], capture_output=True, text=True, cwd=directory
            )
            if done.returncode == 0:
                assert attempt == ("kill_at" in how), "it was over before it was killed"
                return done.stdout.splitlines()[-1]
            assert done.returncode == -signal.SIGKILL, done.stderr
        raise AssertionError(f"{who} {how} was killed twice")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train_with_keras(how: dict[str, Any]) -> None:
    import interruption_models as models
    import keras
    import tensorflow as tf

    class Killed(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1
            if self.batches == how["kill_at"] and how["kill_at"] % BATCHES_PER_EPOCH:
                die()

        def on_epoch_begin(self, epoch, logs=None):
            if epoch * BATCHES_PER_EPOCH == how["kill_at"]:
                die()

    keras.utils.set_random_seed(1)
    tf.config.experimental.enable_op_determinism()
    model = models.compiled(how["model"])
    backup = keras.callbacks.BackupAndRestore(f"{how['directory']}/backup", save_freq=how.get("save_freq", "epoch"))
    x, y = models.data()
    shuffle = how["model"] == "shuffled"
    model.fit(
        x, y, batch_size=models.BATCH_SIZE, epochs=EPOCHS, shuffle=shuffle, verbose=0, callbacks=[backup, Killed()]
    )
    print(hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest())


def search_with_optuna(how: dict[str, Any]) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    place = Path(how["directory"]) / "sampler.pkl"
    sampler = getattr(optuna.samplers, how["sampler"])(seed=42)
    if how["kept"] and place.exists():
        sampler = pickle.loads(place.read_bytes())
    study = optuna.create_study(
        storage=f"sqlite:///{how['directory']}/study.db", study_name="one", load_if_exists=True, sampler=sampler
    )

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        units = trial.suggest_int("units", 4, 64)
        if how["kill_at"] == [trial.number, "within"]:
            die()
        return abs(rate - 0.01) * 100 + abs(units - 20) / 20

    def keep(study: Any, trial: Any) -> None:
        if how["kept"]:
            place.write_bytes(pickle.dumps(study.sampler))
        if how["kill_at"] == [trial.number + 1, "after"]:
            die()

    complete = (optuna.trial.TrialState.COMPLETE,)
    left = TRIALS - len(study.get_trials(states=complete))
    study.optimize(objective, n_trials=left, callbacks=[keep])
    print(json.dumps([trial.params for trial in study.get_trials(states=complete)]))


def of_pedl() -> Iterator[tuple[str, str, str]]:
    training = {"searcher": {"name": "single", "metric": "loss", "max_steps": 4 * EPOCHS}, "min_checkpoint_period": 4}
    for model, what in MODELS.items():
        config = {**training, "hyperparameters": {"model": model}, "batches_per_step": BATCHES_PER_EPOCH // 4}
        calm = ended(config, None)
        for when, kill_at in (("between checkpoints", 6), ("at a checkpoint", 8)):
            yield f"training, {what}; {when}", "pedl", said(ended(config, ("step", kill_at)) == calm)
    search = {
        "searcher": {"name": "random", "metric": "loss", "max_trials": TRIALS, "max_steps": 2},
        "hyperparameters": {"model": "dropout", "units": {"type": "int", "minval": 4, "maxval": 64}},
        "batches_per_step": 5,
    }
    calm = ended(search, None)
    for when, kill_at in (("between trials", ("trial_closed", 4)), ("within a trial", ("step", 7))):
        yield f"search; {when}", "pedl", said(ended(search, kill_at) == calm)


def ended(config: dict[str, Any], kill_at: tuple[str, int] | None) -> str:
    """Runs an experiment, kills its master when so many events of a kind are recorded, and returns the outcome."""
    from pedl.experiment import load_experiment
    from pedl.store import Home

    whole = {"entrypoint": "interruption_models:Trial", "reproducibility": {"experiment_seed": 42}, **config}
    with tempfile.TemporaryDirectory() as directory:
        home, file = Path(directory) / "home", Path(directory) / "config.yaml"
        file.write_text(json.dumps(whole))
        process = pedl(home, "create", str(file), str(HERE / "interruption_models.py"), "--workers", "1")
        while kill_at is not None and process.poll() is None:
            events = Home(home).events(1) if Home(home).summaries() else []
            if sum(event.kind == kill_at[0] for event in events) >= kill_at[1]:
                process.kill()
            time.sleep(0.01)
        _, told = process.communicate()
        if kill_at is not None:
            assert process.returncode == -signal.SIGKILL, f"it was over before it was killed: {told}"
            pedl(home, "activate", "1").communicate()
        return str(load_experiment(1, home).outcome_sha256)


def pedl(home: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pedl", "--home", str(home), "experiment", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


if __name__ == "__main__":
    main()
