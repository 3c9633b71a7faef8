"""From plain data to a configuration, or to one error that lists every problem.

Three passes see the data, and their problems are told together: what JSON cannot hold, what a field does not
allow (pydantic, field by field), and what fields do not allow of each other.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pedl.config.brackets import halving_problems
from pedl.config.hparams import CONSTANT, KINDS, SPACE, Space
from pedl.config.limits import grid_problems
from pedl.config.problems import Path, Problem, config_error, line_of, shown, unquoted
from pedl.config.reading import read_document
from pedl.config.schema import ExperimentConfig
from pedl.config.searcher import SEARCHERS
from pedl.config.values import Section
from pedl.errors import ConfigError, FieldError
from pedl.near import nearest

EXAMPLES = {
    "searcher": "searcher: {name: random, metric: loss, max_steps: 10, max_trials: 20}",
    "name": "name: random", "metric": "metric: loss", "max_steps": "max_steps: 10", "max_trials": "max_trials: 20",
    "minval": "minval: 1", "maxval": "maxval: 10", "base": "base: 10", "vals": "vals: [16, 32]", "val": "val: 16",
    "trial_class": "trial_class: model_def:MNistTrial", "num_rungs": "num_rungs: 4",
    "target_trial_steps": "target_trial_steps: 64", "step_budget": "step_budget: 1000",
    "population_size": "population_size: 8", "num_rounds": "num_rounds: 10", "steps_per_round": "steps_per_round: 5",
    "replace_function": "replace_function: {truncate_fraction: 0.25}", "truncate_fraction": "truncate_fraction: 0.25",
    "explore_function": "explore_function: {resample_probability: 0.1, perturb_factor: 0.2}",
    "of": 'of: "3/12"', "trial_seed": "trial_seed: 7", "targets": "targets: [10]", "replications": "replications: 5",
    "vary": "vary: [init, order, dropout]", "resample_probability": "resample_probability: 0.1",
    "perturb_factor": "perturb_factor: 0.2",
}  # fmt: skip
"""How each required field may look."""


def read_config(path: FilePath | str, overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """Reads an experiment configuration from a YAML file.

    Args:
      overrides: {"experiment_seed": n} takes precedence over the file.

    Raises:
      ConfigError: lists all problems, each with file, line, field, what was found and what is allowed.
    """
    file = FilePath(path)
    document = read_document(file)
    problems, config = list(document.problems), None
    if isinstance(document.value, dict):
        unread = {problem.path for problem in problems}
        more, config = _check(_overridden(document.value, overrides or {}))
        problems += [problem for problem in more if problem.path not in unread]
    if config is None or problems:
        raise config_error(problems, str(file), document.lines)
    return config


@contextlib.contextmanager
def told_with_line(path: FilePath | str) -> Iterator[None]:
    """While it lasts, an error about a field of the configuration in a YAML file says the file and the line, too."""
    try:
        yield
    except FieldError as error:
        line = line_of(error.path, read_document(FilePath(path)).lines)
        raise ConfigError(f"{path}:{line}: {error}") from None


def parse_config(mapping: Mapping[str, Any]) -> ExperimentConfig:
    """Returns the configuration that a mapping describes.

    Raises:
      ConfigError: lists all problems, each with field, what was found and what is allowed.
    """
    if not isinstance(mapping, Mapping):
        raise config_error([Problem((), f"found {shown(mapping)}, expected a dict")], "configuration", {})
    problems, config = _check(dict(mapping))
    if config is None or problems:
        raise config_error(problems, "configuration", {})
    return config


def _overridden(value: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    section = value.get("reproducibility", {})
    if not overrides or not isinstance(section, dict):
        return value
    return {**value, "reproducibility": {**section, **overrides}}


def _check(value: dict[str, Any]) -> tuple[list[Problem], ExperimentConfig | None]:
    problems: list[Problem] = []
    value = _json_able(value, (), problems)
    config = None
    try:
        config = ExperimentConfig.model_validate(value)
    except ValidationError as error:
        unplaced = {problem.path for problem in problems}
        found = _without_meant([_problem(detail) for detail in error.errors(include_url=False)])
        problems += [problem for problem in found if problem.path not in unplaced]
    return problems + _between_fields(value), config


def _without_meant(found: list[Problem]) -> list[Problem]:
    """Leaves out that a field is missing which is there under a mistyped name."""

    def mistyped(path: Path) -> bool:
        hint = f"did you mean `{path[-1]}`?"
        return any(it.path[:-1] == path[:-1] and it.message.endswith(hint) for it in found)

    return [it for it in found if not (it.message.startswith("is missing") and mistyped(it.path))]


def _json_able(value: Any, path: Path, problems: list[Problem]) -> Any:
    """Returns a copy in which numbers and texts have their plain types; notes what JSON cannot hold."""
    if isinstance(value, Mapping):
        for key in [key for key in value if not isinstance(key, str)]:
            problems.append(Problem(path, f"found the key {key!r}, expected a text"))
        return {str(key): _json_able(item, (*path, str(key)), problems) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_able(item, (*path, index), problems) for index, item in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            problems.append(Problem(path, f"found {float(value)}, expected a finite number"))
        return float(value)
    if isinstance(value, Space | Section):
        return value.model_dump()
    if value is None or isinstance(value, bool):
        return value
    for plain in (str, int):
        if isinstance(value, plain):
            return plain(value)
    message = f"found {shown(value)}, expected a text, number, boolean, list or dict; convert it with .item() or str()"
    problems.append(Problem(path, message))
    return None


def _between_fields(value: dict[str, Any]) -> list[Problem]:
    problems = []
    if value.get("entrypoint") is not None and value.get("entrypoints") is not None:
        problems.append(Problem(("entrypoints",), "found beside `entrypoint`, expected one of the two; remove one"))
    searcher = value.get("searcher")
    return problems + (_of_searcher(searcher, value.get("hyperparameters", {})) if isinstance(searcher, dict) else [])


def _of_searcher(searcher: dict[str, Any], space: Any) -> list[Problem]:
    problems = []
    if None not in (searcher.get("source_trial"), searcher.get("source_checkpoint")):
        message = "found beside source_trial, expected one of the two; leave the other out"
        problems.append(Problem(("searcher", "source_checkpoint"), message))
    # What has problems of its own is listed already, and what would follow from the rest is something else.
    with contextlib.suppress(ValidationError):
        if searcher.get("name") == "grid":
            problems += grid_problems(Space.model_validate(space))
        elif (kind := SEARCHERS.get(str(searcher.get("name")))) is not None:
            problems += halving_problems(kind.model_validate(searcher))
    return problems


def _problem(detail: ErrorDetails) -> Problem:
    """Returns pydantic's error in our words."""
    kind, found = detail["type"], detail["input"]
    path, section = _place(detail["loc"])
    context = detail.get("ctx", {})
    if kind == "missing":
        return Problem(path, f"is missing, expected a value; add for example `{EXAMPLES[str(path[-1])]}`")
    if kind == "extra_forbidden":
        return Problem(path, _unknown_name(str(path[-1]), section))
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _unknown_kind(path, found)
    if kind == "refused":
        expected = context["expected"] + context["remedy"]
        return Problem(path, f"found {shown(found)}, expected {expected}{unquoted(found, expected)}")
    expected = {"list_type": "a list", "string_type": "a text"}.get(kind, "a mapping of names to values")
    return Problem(path, f"found {shown(found)}, expected {expected}{unquoted(found, expected)}")


def _unknown_name(name: str, section: type[Section]) -> str:
    valid = list(section.model_fields)
    return f"unknown field, expected one of {', '.join(valid)}{nearest(name, valid)}"


def _unknown_kind(path: Path, found: Any) -> Problem:
    """A searcher without a known `name`, or a hyperparameter with an unknown `type`."""
    field, valid = ("name", list(SEARCHERS)) if path == ("searcher",) else ("type", list(KINDS))
    if field not in found:
        return Problem(path, f"`{field}` is missing, expected one of {', '.join(valid)}")
    name = found[field]
    message = f"found {shown(name)}, expected one of {', '.join(valid)}{nearest(str(name), valid)}"
    if field == "type":
        message += "; a nested space cannot have a parameter called `type`" if isinstance(name, dict) else ""
    return Problem((*path, field), message)


def _place(loc: tuple[int | str, ...]) -> tuple[Path, type[Section]]:
    """Returns the path that a pydantic location means, and the section it is in.

    Pydantic adds the chosen kind behind the name of a union, such as "int" behind a hyperparameter's name, and
    "[key]" behind a name that is itself refused.
    """
    loc = tuple(part for part in loc if part != "[key]")
    if loc[:1] == ("searcher",) and len(loc) > 1:
        path = ("searcher", *loc[2:])
        return path, _section(SEARCHERS[str(loc[1])], path[1:-1])
    if loc[:1] == ("hyperparameters",):
        return _place_in_space(loc)
    return loc, _section(ExperimentConfig, loc[:-1])


def _section(section: type[Section], path: Path) -> type[Section]:
    """Returns the section that a path leads to from another one, or the last section on the way."""
    for part in path:
        field = section.model_fields.get(str(part))
        candidates = [field.annotation, *get_args(field.annotation)] if field else []
        # Asked through the metaclass: Python 3.10 takes dict[str, str] for a class, and then not.
        section = next((c for c in candidates if isinstance(c, type(Section))), section)
    return section


def _place_in_space(loc: tuple[int | str, ...]) -> tuple[Path, type[Section]]:
    path, rest = loc[:1], loc[1:]
    while rest:
        path, kind, rest = (*path, rest[0]), rest[1] if len(rest) > 1 else None, rest[2:]
        if kind != SPACE:
            leaf = () if kind == CONSTANT else rest
            return (*path, *leaf), KINDS.get(str(kind), Section)
    return path, Section
