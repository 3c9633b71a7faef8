"""Every kind of bad configuration is told with line, field, what was found and what to do; nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pedl.config import parse_config, read_config
from pedl.config.schema import ExperimentConfig
from pedl.errors import ConfigError
from pedl.variables import PEDL_SETS

SEARCHER = "searcher: {name: random, metric: loss, max_steps: 5, max_trials: 2}\n"
GRID = "searcher: {name: grid, metric: loss, max_steps: 5}\n"
HPARAMS = "hyperparameters:\n  x: "


def message(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(file)
    return str(caught.value)


# What a file holds (behind a good searcher, unless it has its own), the line and field that are told, and words that
# the message has: what was found, what is allowed, the remedy.
BAD = {
    # names
    "unknown key": ("descripton: x", 2, "descripton", ["unknown field", "did you mean `description`?"]),
    "unknown key far from all": ("zzzz: 1", 2, "zzzz", ["unknown field", "expected one of description, labels, data"]),
    "key in other case": ("Labels: []", 2, "Labels", ["did you mean `labels`?"]),
    "unknown nested key": (
        "reproducibility: {threads: {intraop: 4}}", 2, "reproducibility.threads.intraop",
        ["expected one of intra_op, inter_op", "did you mean `intra_op`?"],
    ),
    "unknown storage key": (
        "checkpoint_storage:\n  save_trial_beast: 1", 3, "checkpoint_storage.save_trial_beast",
        ["did you mean `save_trial_best`?"],
    ),
    "unknown hyperparameter field": (
        HPARAMS + "{type: int, minval: 1, maxval: 2, cuont: 3}", 3, "hyperparameters.x.cuont",
        ["expected one of type, minval, maxval, count", "did you mean `count`?"],
    ),
    "key given twice": ("max_restarts: 1\nmax_restarts: 2", 3, "max_restarts", ["found twice", "line 2", "remove one"]),
    "nested key given twice": (
        "hyperparameters:\n  lr: 1\n  x: 2\n  lr: 3", 5, "hyperparameters.lr", ["found twice", "first in line 3"],
    ),
    "number as key": ("data: {1: a}", 2, "data", ["found the key 1, expected a text", '"1"']),
    "merge key": ("data:\n  <<: {a: 1}", 3, "data", ["merge key `<<`", "write the fields out"]),
    # kinds
    "number for text": ("description: 5", 2, "description", ["found 5, expected a text", 'in quotes: "5"']),
    "text for number": ('max_restarts: "3"', 2, "max_restarts", ['found the text "3"', "write 3 without quotes"]),
    "boolean for number": ("batches_per_step: true", 2, "batches_per_step", ["found true", "whole number"]),
    "number for boolean": (
        "reproducibility: {op_determinism: 1}", 2, "reproducibility.op_determinism", ["found 1", "true or false"],
    ),
    "yes for boolean": (
        "reproducibility: {op_determinism: yes}", 2, "reproducibility.op_determinism",
        ['found the text "yes"', "true or false"],
    ),
    "fraction for whole number": ("batches_per_step: 1.5", 2, "batches_per_step", ["found 1.5", "whole number"]),
    "float for whole number": ("batches_per_step: 1e2", 2, "batches_per_step", ["found 100.0", "whole number"]),
    "nothing for number": ("batches_per_step:", 2, "batches_per_step", ["found nothing (null)", "whole number"]),
    "list for mapping": ("data: [1]", 2, "data", ["found [1]", "expected a mapping"]),
    "text for section": ("resources: two", 2, "resources", ['found the text "two"', "expected a mapping"]),
    "text for list": ("labels: mnist", 2, "labels", ['found the text "mnist"', "expected a list"]),
    "number in list of texts": ("labels:\n  - a\n  - 3", 4, "labels[1]", ["found 3, expected a text"]),
    "empty label": ('labels: [""]', 2, "labels[0]", ['found the text ""', "not empty"]),
    "list for hyperparameters": ("hyperparameters: [1]", 2, "hyperparameters", ["found [1]", "expected a mapping"]),
    "Python object": ("data: !!python/object/apply:os.system [ls]", 2, "data", ["the tag", "remove the tag"]),
    "wrong tag": ("data: {x: !!int hello}", 2, "data.x", ["found hello", "does not fit its tag"]),
    "infinite number": ("data: {x: .inf}", 2, "data.x", ["found inf", "expected a finite number"]),
    "number too large for a float": ("data: {x: 1e400}", 2, "data.x", ["found inf", "finite"]),
    # ranges of fields
    "zero batches": ("batches_per_step: 0", 2, "batches_per_step", ["found 0", "at least 1"]),
    "negative restarts": ("max_restarts: -1", 2, "max_restarts", ["found -1", "at least 0"]),
    "zero validation period": ("min_validation_period: 0", 2, "min_validation_period", ["found 0", "at least 1"]),
    "negative checkpoint period": ("min_checkpoint_period: -2", 2, "min_checkpoint_period", ["found -2", "at least 1"]),
    "unknown checkpoint policy": ("checkpoint_policy: bets", 2, "checkpoint_policy", ["best, all or none", "`best`?"]),
    "negative number of kept": (
        "checkpoint_storage: {save_trial_latest: -1}", 2, "checkpoint_storage.save_trial_latest", ["at least 0"],
    ),
    "unknown URL scheme": (
        "checkpoint_storage: {url: s4://bucket}", 2, "checkpoint_storage.url", ["s4://bucket", "fsspec URL", "s3://"],
    ),
    "URL without place": ("checkpoint_storage: {url: 's3://'}", 2, "checkpoint_storage.url", ["or an fsspec"]),
    "empty URL": ("checkpoint_storage: {url: ''}", 2, "checkpoint_storage.url", ["a directory or an fsspec URL"]),
    "no slots": ("resources: {slots_per_trial: 0}", 2, "resources.slots_per_trial", ["found 0", "at least 1"]),
    "slots as boolean": ("resources: {slots_per_trial: true}", 2, "resources.slots_per_trial", ["found true"]),
    "no concurrent trials": (
        "resources: {max_concurrent_trials: 0}", 2, "resources.max_concurrent_trials", ["found 0", "at least 1"],
    ),
    # reproducibility
    "negative seed": (
        "reproducibility: {experiment_seed: -1}", 2, "reproducibility.experiment_seed", ["found -1", "0 .. 2147483647"],
    ),
    "seed too large": (
        "reproducibility: {experiment_seed: 2147483648}", 2, "reproducibility.experiment_seed",
        ["found 2147483648", "0 .. 2147483647"],
    ),
    "seed as text": (
        'reproducibility: {experiment_seed: "7"}', 2, "reproducibility.experiment_seed", ["write 7 without quotes"],
    ),
    "no threads": ("reproducibility: {threads: {intra_op: 0}}", 2, "reproducibility.threads.intra_op", ["at least 1"]),
    "threads as number": ("reproducibility: {threads: 4}", 2, "reproducibility.threads", ["expected a mapping"]),
    "onednn as text": ('reproducibility: {onednn: "on"}', 2, "reproducibility.onednn", ["auto, true or false"]),
    "onednn as number": ("reproducibility: {onednn: 1}", 2, "reproducibility.onednn", ["found 1", "auto, true"]),
    "instruction set in other case": (
        "reproducibility: {max_instruction_set: avx2}", 2, "reproducibility.max_instruction_set",
        ['"avx2"', "did you mean `AVX2`?"],
    ),
    "unknown fingerprint": (
        "reproducibility: {fingerprint: epoch}", 2, "reproducibility.fingerprint", ['"epoch"', "step or batch"],
    ),
    # environment
    "variable as number": (
        "environment: {environment_variables: {A: 1}}", 2, "environment.environment_variables.A", ['in quotes: "1"'],
    ),
    "variables as list": (
        "environment: {environment_variables: [A=1]}", 2, "environment.environment_variables", ["expected a mapping"],
    ),
    "variable with equals sign": (
        "environment: {environment_variables: {A=B: c}}", 2, "environment.environment_variables.A=B", ["without `=`"],
    ),
    # entry points
    "entrypoint without class": ("entrypoint: model_def", 2, "entrypoint", ['"module:Name"', "model_def:MNistTrial"]),
    "entrypoint of a file": ("entrypoint: model_def.py:T", 2, "entrypoint", ['without ".py"']),
    "entrypoint with spaces": ("entrypoint: 'my model:T'", 2, "entrypoint", ['found the text "my model:T"']),
    "entrypoint and entrypoints": (
        "entrypoint: a:B\nentrypoints: {trial_class: a:B}", 3, "entrypoints", ["beside `entrypoint`", "remove one"],
    ),
    "entrypoints without class": (
        "entrypoints: {data_loaders_function: a:b}", 2, "entrypoints.trial_class", ["is missing", "trial_class: model"],
    ),
    # searcher
    "no searcher": (
        "description: x\nsearcher:", 2, "searcher", ["found nothing (null)", "expected a mapping"],
    ),
    "searcher without name": ("searcher: {metric: a, max_steps: 1}", 1, "searcher", ["`name` is missing", "single"]),
    "unknown searcher": (
        "searcher: {name: radnom, metric: a}", 1, "searcher.name", ["single, random, grid", "did you mean `random`?"],
    ),
    "searcher without metric": (
        "searcher: {name: single, max_steps: 1}", 1, "searcher.metric", ["is missing", "example `metric: loss`"],
    ),
    "empty metric": ("searcher: {name: single, max_steps: 1, metric: ''}", 1, "searcher.metric", ["not empty"]),
    "searcher without trials": (
        "searcher: {name: random, metric: a, max_steps: 1}", 1, "searcher.max_trials", ["add for example `max_trials"],
    ),
    "zero steps": ("searcher: {name: single, metric: a, max_steps: 0}", 1, "searcher.max_steps", ["found 0"]),
    "negative steps": ("searcher: {name: single, metric: a, max_steps: -5}", 1, "searcher.max_steps", ["found -5"]),
    "sampler with a null seed": (
        "searcher: {name: optuna, metric: a, max_steps: 1, max_trials: 2, sampler: {name: TPESampler, seed: null}}", 1,
        "searcher.sampler", ["`seed` is not null", "leave it out: it is derived from the experiment seed"],
    ),
    "field of another searcher": (
        "searcher: {name: single, metric: a, max_steps: 1, max_trials: 2}", 1, "searcher.max_trials",
        ["unknown field", "name, max_steps"],
    ),
    "smaller_is_better as text": (
        "searcher: {name: single, metric: a, max_steps: 1, smaller_is_better: no}", 1, "searcher.smaller_is_better",
        ['found the text "no"', "true or false"],
    ),
    "source trial": (
        "searcher: {name: single, metric: a, max_steps: 1, source_trial: 12}", 1, "searcher.source_trial",
        ["found 12", 'a trial as "experiment/trial"', "3/12"],
    ),
    "two sources": (
        "searcher: {name: single, metric: a, max_steps: 1, source_trial: 1/2, source_checkpoint: b}", 1,
        "searcher.source_checkpoint", ["beside source_trial", "one of the two"],
    ),
    # hyperparameters
    "unknown type": (
        HPARAMS + "{type: flaot, minval: 0, maxval: 1}", 3, "hyperparameters.x.type",
        ["const, int, double, log, categorical"],
    ),
    "near type": (HPARAMS + "{type: dubble, minval: 0, maxval: 1}", 3, "hyperparameters.x.type", ["`double`?"]),
    "nested type": (HPARAMS + "{type: {a: 1}}", 3, "hyperparameters.x.type", ["cannot have a parameter called `type`"]),
    "no bounds": (HPARAMS + "{type: int, minval: 0}", 3, "hyperparameters.x.maxval", ["is missing", "`maxval: 10`"]),
    "bounds exchanged": (
        HPARAMS + "{type: int, minval: 9, maxval: 1}", 3, "hyperparameters.x.maxval",
        ["found 1", "minval, which is 9", "exchange"],
    ),
    "bounds of a double exchanged": (
        HPARAMS + "{type: double, minval: 0.5, maxval: 0.1}", 3, "hyperparameters.x.maxval", ["found 0.1", "exchange"],
    ),
    "empty range of a double": (
        HPARAMS + "{type: double, minval: 1, maxval: 1}", 3, "hyperparameters.x.maxval", ["write the value alone"],
    ),
    "fraction for an int": (
        HPARAMS + "{type: int, minval: 0.5, maxval: 2}", 3, "hyperparameters.x.minval", ["found 0.5", "whole number"],
    ),
    "int too large": (
        HPARAMS + "{type: int, minval: 0, maxval: 9223372036854775808}", 3, "hyperparameters.x.maxval", ["63 bits"],
    ),
    "text for a bound": (
        HPARAMS + '{type: double, minval: "1e-4", maxval: 1}', 3, "hyperparameters.x.minval", ["1e-4 without quotes"],
    ),
    "boolean for a bound": (
        HPARAMS + "{type: double, minval: true, maxval: 2}", 3, "hyperparameters.x.minval", ["found true", "number"],
    ),
    "NaN for a bound": (
        HPARAMS + "{type: double, minval: .nan, maxval: 1}", 3, "hyperparameters.x.minval", ["found nan", "finite"],
    ),
    "infinite bound": (
        HPARAMS + "{type: double, minval: 0, maxval: .inf}", 3, "hyperparameters.x.maxval", ["found inf", "finite"],
    ),
    "base one": (HPARAMS + "{type: log, base: 1, minval: 0, maxval: 1}", 3, "hyperparameters.x.base", ["not 1"]),
    "negative base": (HPARAMS + "{type: log, base: -2, minval: 0, maxval: 1}", 3, "hyperparameters.x.base", ["above"]),
    "value for an exponent": (
        HPARAMS + "{type: log, base: 10, minval: 1, maxval: 1000}", 3, "hyperparameters.x.maxval",
        ["found 1000", "1e-307 .. 1e308", "minval and maxval are exponents"],
    ),
    "zero count": (
        HPARAMS + "{type: int, minval: 0, maxval: 1, count: 0}", 3, "hyperparameters.x.count", ["found 0", "at least"],
    ),
    "no values": (HPARAMS + "{type: categorical, vals: []}", 3, "hyperparameters.x.vals", ["at least one value"]),
    "values as text": (HPARAMS + "{type: categorical, vals: ab}", 3, "hyperparameters.x.vals", ["expected a list"]),
    "constant without value": (HPARAMS + "{type: const}", 3, "hyperparameters.x.val", ["is missing", "`val: 16`"]),
    "name with a dot": ("hyperparameters: {a.b: 1}", 2, "hyperparameters.a.b", ["a name without dots", "nest instead"]),
    "empty nested space": (HPARAMS + "{}", 3, "hyperparameters.x", ["found {}", "at least one parameter", "leave it"]),
    "deeply nested": (
        "hyperparameters:\n  a:\n    b:\n      c: {type: int, minval: 2, maxval: 1}", 5, "hyperparameters.a.b.c.maxval",
        ["found 1"],
    ),
    # grids
    "grid without count": (
        GRID + HPARAMS + "{type: int, minval: 0, maxval: 9}", 3, "hyperparameters.x", ["is missing", "count: 3"],
    ),
    "grid too large": (
        GRID + "hyperparameters:\n  x: {type: double, minval: 0, maxval: 1, count: 101}\n"
        "  y: {type: double, minval: 0, maxval: 1, count: 100}", 2, "hyperparameters",
        ["found a grid of 10,100 points (101 x 100)", "at most 10,000", "lower some `count`"],
    ),
}  # fmt: skip

# The same for whole files.
BAD_FILES = {
    "empty": ("", 1, "", ["the file is empty", "`searcher`"]),
    "only a comment": ("# nothing\n", 1, "", ["the file is empty"]),
    "list on top": ("- a\n- b", 1, "", ["found a list", "expected a mapping of names to values"]),
    "text on top": ("hello", 1, "", ['found only the text "hello"', "expected a mapping"]),
    "tab": ("searcher:\n\tname: single", 2, "", ["found a tab", "indented with spaces"]),
    "bad syntax": ("searcher: {name: single\nx: 1", 2, "", ["this is not YAML", 'found the text "x: 1"']),
    "bad indentation": ("a: 1\n  b: 2", 2, "", ["this is not YAML", "mapping values are not allowed here"]),
    "unclosed text": ('description: "abc\n', None, "", ["this is not YAML", "quoted"]),
    "two documents": ("a: 1\n---\nb: 2", 2, "", ["a second document", "one configuration in a file"]),
    "undefined alias": ("data: *x", 1, "", ["this is not YAML", "undefined alias"]),
    "alias in itself": ("data: &x [*x]", 1, "", ["no alias that contains itself"]),
    "YAML 1.1": ("%YAML 1.1\n---\ndescription: yes", 1, "", ["found `%YAML 1.1`", "expected YAML 1.2"]),
    "control character": ("description: \x01", None, "", ["expected plain text"]),
}  # fmt: skip

ALL_BAD = BAD_FILES | {
    kind: (text if "searcher:" in text else SEARCHER + text, line, field, words)
    for kind, (text, line, field, words) in BAD.items()
}


@pytest.mark.parametrize("kind", ALL_BAD)
def test_a_bad_configuration_is_told_with_line_field_value_and_remedy(kind: str, tmp_path: Path) -> None:
    text, line, field, words = ALL_BAD[kind]
    file = tmp_path / "experiment.yaml"
    told = message(file, text)
    place = f"  {file}:{line}: " if line else f"  {file}: "
    if line:
        assert f"{place}{field}: " in told if field else place in told, told
    for word in words:
        assert word in told, told
    assert "1 problem;" in told, told
    assert "pydantic" not in told and "Traceback" not in told


def test_at_least_45_kinds_are_tested() -> None:
    assert len(ALL_BAD) >= 45


def test_a_required_field_is_missing_unless_it_is_there_mistyped(tmp_path: Path) -> None:
    told = message(tmp_path / "a.yaml", "searcher: {name: single, metric: a, max_step: 1}")
    assert "searcher.max_step: unknown field" in told and "did you mean `max_steps`?" in told
    assert "1 problem;" in told and "is missing" not in told
    told = message(tmp_path / "b.yaml", "searcher: {name: single, metrics: a}")
    assert "2 problems;" in told and "searcher.metrics: unknown field" in told
    assert "searcher.max_steps: is missing, expected a value; add for example `max_steps: 10`" in told


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "descripton: x\nsearcher:\n  name: random\n  metric: loss\n  max_steps: 0\n  max_trials: true\n"
        "hyperparameters:\n  lr: {type: log, base: 1, minval: 0, maxval: 1}\n  n:\n    m: {type: int, minval: 3}\n"
        "max_restarts: 1\nmax_restarts: 2\n"
    )
    told = message(tmp_path / "a.yaml", text).splitlines()
    assert told[0] == f"{tmp_path / 'a.yaml'} has 6 problems; nothing was created."
    assert [line.split(": ")[:2] for line in told[1:]] == [
        [f"  {tmp_path / 'a.yaml'}:{line}", field]
        for line, field in [
            (1, "descripton"), (5, "searcher.max_steps"), (6, "searcher.max_trials"), (8, "hyperparameters.lr.base"),
            (10, "hyperparameters.n.m.maxval"), (12, "max_restarts"),
        ]
    ]  # fmt: skip


def test_a_grid_lists_every_parameter_that_lacks_its_count_even_beside_other_problems(tmp_path: Path) -> None:
    text = (
        "searcher: {name: grid, metric: loss, max_steps: 0}\nhyperparameters:\n"
        "  b: {type: int, minval: 0, maxval: 1}\n  c: {type: categorical, vals: [1]}\n"
        "  a:\n    z: {type: log, base: 10, minval: 0, maxval: 1}\n"
    )
    told = message(tmp_path / "a.yaml", text)
    assert "3 problems" in told and "found 0" in told
    assert told.count("expected in a grid for each of: a.z, b;") == 2


@pytest.mark.parametrize("name", PEDL_SETS)
def test_a_variable_that_pedl_sets_is_refused_by_name(name: str, tmp_path: Path) -> None:
    told = message(tmp_path / "a.yaml", SEARCHER + f"environment: {{environment_variables: {{{name}: '1'}}}}\n")
    assert f"environment.environment_variables.{name}: " in told
    assert f"remove it: {PEDL_SETS[name]}" in told


def test_what_is_no_readable_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"is a directory, expected a configuration file in YAML$"):
        read_config(tmp_path)
    (tmp_path / "grid.yml").touch()
    with pytest.raises(ConfigError, match=r"a configuration file, such as .*/grid\.yml$"):
        read_config(tmp_path)
    binary = tmp_path / "weights.bin"
    binary.write_bytes(b"\x93\0\0NUMPY")
    with pytest.raises(ConfigError, match="is a binary file, expected a text file in YAML"):
        read_config(binary)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("description: x\nlabels: [größe]\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: found the byte 0xf6, which is not UTF-8; save the file as"):
        read_config(latin)


def test_a_repetition_without_end_is_refused_in_time(tmp_path: Path) -> None:
    lines = ["data:", "  a0: &a0 [1]"] + [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "or 100,000 values" in message(tmp_path / "a.yaml", "\n".join(lines) + "\n" + SEARCHER)
    assert "found more than 100 levels" in message(tmp_path / "b.yaml", "data: " + "[" * 5000 + "\n")


def test_a_seed_of_the_command_line_is_checked_as_one_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(SEARCHER)
    with pytest.raises(ConfigError, match=r"reproducibility.experiment_seed: found -5, expected .* 0 .. 2147483647"):
        read_config(file, {"experiment_seed": -5})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": {1, 2}}, r"data.a: found \{1, 2\} \(set\), expected a text, number"),
        ({"a": object}, r"data.a: found .*\(type\)"),
        ({"a": float("nan")}, "data.a: found nan, expected a finite number"),
        ({3: 1}, "data: found the key 3, expected a text"),
    ],
)
def test_a_dict_may_hold_only_what_json_can(value: object, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_config({"searcher": {"name": "single", "metric": "a", "max_steps": 1}, "data": value})


def test_a_config_that_is_no_dict_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"found \[1\], expected a dict"):
        parse_config([1])  # type: ignore[arg-type]


def test_every_section_names_its_fields_when_one_is_unknown() -> None:
    for name, field in ExperimentConfig.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and hasattr(section, "model_fields") and name != "hyperparameters":
            with pytest.raises(
                ConfigError, match=f"{name}.zz: unknown field, expected one of {next(iter(section.model_fields))}"
            ):
                parse_config({"searcher": {"name": "single", "metric": "a", "max_steps": 1}, name: {"zz": 1}})
