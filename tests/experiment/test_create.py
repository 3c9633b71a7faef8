"""Creating an experiment settles everything, checks everything, and leaves nothing behind where something is wrong."""

import json
from pathlib import Path

import pytest

from pedl.errors import ConfigError, StoreError, TrialDefinitionError, TrialFailed
from pedl.experiment import create_experiment, list_experiments, load_experiment
from pedl.experiment.profile import resolve_onednn
from pedl.experiment.running import worker_environment
from pedl.seeds import trial_seed
from pedl.store.database import FORMAT, format_file
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import PROFILE, FakeExecutor


class Answering(FakeExecutor):
    """Answers each check with the next of some messages."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)

    def _work(self, task, attempt):
        assert task["kind"] == "check"
        yield self.answers.pop(0)


def done(**changes):
    found = {"class": "Fake", "validation_metrics": ["loss", "accuracy"], "numeric_profile": PROFILE, "warnings": []}
    return {"type": "done", **found, **changes}


def failed(kind):
    return {"type": "failed", "kind": kind, "message": "MyTrial.optimizer() returned None", "traceback": ""}


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (failed("definition"), TrialDefinitionError, r"MyTrial\.optimizer\(\) returned None"),
        (failed("data"), TrialDefinitionError, "returned None"),
        (failed("code"), TrialDefinitionError, "returned None"),
        ({"type": "lost", "reason": "killed by signal 9"}, TrialFailed, "was lost: killed by signal 9"),
        (done(validation_metrics=["loss", "f1"]), ConfigError, "searcher.metric: found 'accuracy', .* trial: f1, loss"),
    ],
)
def test_what_the_check_finds_is_told_and_nothing_is_created(tmp_path, definition, answer, error, message):
    with pytest.raises(error, match=message):
        create_experiment(configuration(), definition, tmp_path / "home", 7, Answering(answer))
    assert list(tmp_path.iterdir()) == []


def test_errors_name_the_files_of_the_author_and_not_the_copy_that_is_gone(tmp_path, definition):
    class Raising(Answering):
        def _work(self, task, attempt):
            text = f'  File "{task["definition"]}/model_def.py", line 3\nKeyError: 1'
            yield {**failed("code"), "message": text}

    with pytest.raises(TrialDefinitionError) as caught:
        create_experiment(configuration(), definition, tmp_path / "home", 7, Raising())
    assert str(caught.value) == (
        f"{definition} raised an error when it was checked with the hyperparameters of trial 1.\n"
        f'  File "{definition}/model_def.py", line 3\nKeyError: 1'
    )


def test_a_module_that_was_left_beside_a_single_file_is_named(tmp_path):
    answer = {**failed("code"), "message": "ModuleNotFoundError: No module named 'parts'"}
    alone = tmp_path / "late.py"
    alone.write_text("import parts\nimport numpy\n")
    told = []
    for _ in range(2):
        with pytest.raises(TrialDefinitionError) as caught:
            create_experiment(configuration(), alone, tmp_path / "home", 7, Answering(answer))
        told.append(str(caught.value).splitlines()[2:])
        (tmp_path / "parts.py").write_text("")
    assert told[0] == []
    assert told[1] == [
        "late.py was handed over alone, without parts.py beside it. Hand over a directory that holds all of them, and "
        "name the class: entrypoint: late:MyTrial"
    ]


def test_a_metric_that_is_none_is_told_with_the_nearest_and_with_its_line(tmp_path, definition):
    file = tmp_path / "a.yaml"
    file.write_text("description: a\nsearcher:\n  name: single\n  max_steps: 1\n  metric: VAL_MAE\n")
    worker = Answering(done(validation_metrics=["loss", "mae", "rmse"]))
    with pytest.raises(ConfigError) as caught:
        create_experiment(file, definition, tmp_path / "home", 7, worker)
    expected = "expected a validation metric of the trial: loss, mae, rmse; did you mean `mae`?"
    assert str(caught.value) == f"{file}:5: searcher.metric: found 'VAL_MAE', {expected}"


def create(tmp_path, definition, *answers, **changes):
    answers = answers or (done(),)
    return create_experiment(configuration(**changes), definition, tmp_path / "home", 7, Answering(*answers))


def test_wrong_input_starts_no_worker(tmp_path, definition):
    for config, source, seed, error in (
        ({"searcher": {}}, definition, 7, ConfigError),
        (configuration(), definition, -1, ConfigError),
        (configuration(), tmp_path / "nowhere", 7, TrialDefinitionError),
    ):
        nobody = Answering()
        with pytest.raises(error):
            create_experiment(config, source, tmp_path / "home", seed, nobody)
        assert nobody.started == []
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_made_is_told(tmp_path, definition):
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match=r"cannot be made a home of pedl: .*\nChoose another place"):
            create_experiment(configuration(), definition, home, 7, Answering(done()))


def test_a_home_that_is_refused_starts_no_worker(tmp_path, definition):
    (tmp_path / "home").mkdir()
    format_file(tmp_path / "home").write_text(f"{FORMAT + 1}\n")
    nobody = Answering()
    with pytest.raises(StoreError, match="was written by a newer pedl"):
        create_experiment(configuration(), definition, tmp_path / "home", 7, nobody)
    assert nobody.started == []


def test_the_check_is_of_trial_1_and_is_repeated_with_the_session_it_asks_for(tmp_path, definition):
    wanted = {"intra_op_parallelism_threads": 1}
    worker = Answering({"type": "restart", "session_config": wanted}, done())
    one = create_experiment(configuration(), definition, tmp_path / "home", 7, worker)
    first, second = worker.started
    assert (first["trial_id"], first["trial_seed"], first["session_config"]) == (0, trial_seed(7, 1), None)
    assert second["session_config"] == wanted
    assert first["hparams"] == one.describe()["trials"][0]["hparams"]


def test_the_seed_given_wins_over_the_configuration_and_absence_draws_one(tmp_path, definition):
    config = configuration(reproducibility={"experiment_seed": 5})

    def seed_of(config, seed):
        one = create_experiment(config, definition, tmp_path / "home", seed, Answering(done()))
        assert one.config.reproducibility.experiment_seed == one.describe()["experiment_seed"]
        return one.describe()["experiment_seed"]

    assert (seed_of(config, 0), seed_of(config, None)) == (0, 5)
    drawn = {seed_of(configuration(), None) for _ in range(3)}
    assert len(drawn) == 3


def test_onednn_is_settled_at_creation(tmp_path, definition):
    chosen = create(tmp_path, definition).describe()["config"]["reproducibility"]["onednn"]
    assert chosen is resolve_onednn("auto")
    assert [resolve_onednn(True), resolve_onednn(False)] == [True, False]


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ({"found": ["X86_V3"]}, False),
        ({"found": ["X86_V3", "X86_V4"]}, False),
        ({"found": ["X86_V3", "X86_V4", "AVX512_ICL"]}, True),
        ({"not found": ["X86_V3"]}, False),
    ],
)
def test_onednn_auto_follows_the_groups_of_numpy(monkeypatch, extensions, expected):
    monkeypatch.setattr("numpy.show_config", lambda mode: {"SIMD Extensions": extensions})
    assert resolve_onednn("auto") is expected


@pytest.mark.parametrize("name", ["NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"])
def test_onednn_auto_asks_the_processor_and_not_the_shell(monkeypatch, name):
    calm = resolve_onednn("auto")
    monkeypatch.setenv(name, "AVX512_ICL AVX512_SPR")
    monkeypatch.setattr(
        "numpy.show_config", lambda mode: {"SIMD Extensions": {"found": [] if calm else ["AVX512_ICL"]}}
    )
    assert resolve_onednn("auto") is calm


def test_what_was_checked_is_what_is_kept(tmp_path, definition):
    one = create(tmp_path, definition, done(warnings=["np.random.seed was called"]))
    described = one.describe()
    assert described["numeric_profile"] == PROFILE
    assert described["messages"] == ["np.random.seed was called"]
    assert described["state"] == "PAUSED"
    assert [entry["steps_completed"] for entry in described["trials"]] == [0, 0, 0]
    again = create(tmp_path, definition)
    assert again.describe()["model_definition_sha256"] == described["model_definition_sha256"]
    assert again.describe()["trials"] == described["trials"]
    assert json.dumps(described, allow_nan=False)
    assert [entry["id"] for entry in list_experiments(tmp_path / "home")] == [1, 2]


class Writing(Answering):
    """Leaves a file beside the model definition while it checks it."""

    def __init__(self, name):
        super().__init__(done())
        self.name = name

    def _work(self, task, attempt):
        Path(task["definition"], self.name).write_text("y = 2\n")
        yield from super()._work(task, attempt)


def test_what_the_check_leaves_beside_the_definition_is_not_kept(tmp_path, definition):
    one = create_experiment(configuration(), definition, tmp_path / "home", 7, Writing("cache.npz"))
    kept = one._home.paths(1).model_definition
    assert [path.name for path in kept.iterdir()] == ["model_def.py"]
    load_experiment(1, tmp_path / "home", FakeExecutor()).run()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("helper_generated.py", r"helper_generated\.py was added"),
        ("model_def.py", r"model_def\.py was changed: its sha"),
    ],
)
def test_a_definition_that_rewrites_its_own_code_is_refused(tmp_path, definition, name, told):
    with pytest.raises(TrialDefinitionError, match=f"{definition} changes its own files when it is checked: {told}"):
        create_experiment(configuration(), definition, tmp_path / "home", 7, Writing(name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://b/p", "s3://b/p cannot be used: ImportError: Install s3fs"),
        ("/proc/no/place", "/proc/no/place cannot be written: "),
    ],
)
def test_a_storage_that_cannot_be_used_is_refused_before_anything_is_created(tmp_path, definition, url, told):
    with pytest.raises(ConfigError, match=f"checkpoint_storage.url: {told}.*\nName a directory or a place"):
        create(tmp_path, definition, checkpoint_storage={"url": url})
    assert list(tmp_path.iterdir()) == []


def test_a_storage_in_the_users_home_is_there(tmp_path, definition, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    one = create(tmp_path, definition, checkpoint_storage={"url": "~/kept"})
    assert one.describe()["config"]["checkpoint_storage"]["url"] == str(tmp_path / "kept")


class Counted(FakeExecutor):
    """Counts how often an executor is made and closed."""

    made = closed = 0

    def __call__(self, environment, log_path):
        self.made += 1
        self.log_path = log_path
        return super().__call__(environment, log_path)

    def close(self):
        self.closed += 1
        super().close()


def test_a_warm_executor_is_used_once_and_writes_the_logs_of_the_experiment(tmp_path, definition):
    executor = Counted()
    home = tmp_path / "home"
    one = create_experiment(configuration(), definition, home, 7, executor, keep_warm=True)
    assert (executor.made, executor.closed) == (1, 0)
    one.run()
    assert (one.state, executor.made, executor.closed) == ("COMPLETED", 1, 1)
    assert executor.log_path(2) == one.log_file(2)


def test_a_warm_executor_that_runs_is_not_closed_by_who_asks_for_another(tmp_path, definition):
    executor = Counted()
    one = create_experiment(configuration(), definition, tmp_path / "home", 7, executor, keep_warm=True)
    closed = []

    def export(running):
        if not closed:
            with running.make_executor(worker_environment(running.describe()["config"]), running.log_file):
                pass
            closed.append(executor.closed)

    one.run(on_change=export)
    assert (one.state, closed) == ("COMPLETED", [1])  # its own


def test_a_warm_executor_is_not_used_in_another_environment(tmp_path, definition, monkeypatch):
    executor = Counted()
    one = create_experiment(configuration(), definition, tmp_path / "home", 7, executor, keep_warm=True)
    monkeypatch.setenv("MY_SETTING", "changed")
    one.run()
    assert (one.state, executor.made, executor.closed) == ("COMPLETED", 2, 2)


def test_the_executor_of_a_check_is_closed_unless_it_is_kept(tmp_path, definition):
    executor = Counted()
    create_experiment(configuration(), definition, tmp_path / "home", 7, executor)
    assert (executor.made, executor.closed) == (1, 1)
    executor = Counted()
    executor.script.profile = {}
    with pytest.raises(ConfigError):
        config = configuration()
        config["searcher"]["metric"] = "f1"
        create_experiment(config, definition, tmp_path / "home", 7, executor, keep_warm=True)
    assert (executor.made, executor.closed) == (1, 1)


def test_a_definition_of_one_file_is_given_to_workers_as_that_file(tmp_path, definition):
    worker = FakeExecutor()
    one = create_experiment(configuration(), definition / "model_def.py", tmp_path / "home", 7, worker)
    one.run()
    paths = one._home.paths(1)
    assert {task["definition"] for task in worker.started[1:]} == {str(paths.model_definition / "model_def.py")}
