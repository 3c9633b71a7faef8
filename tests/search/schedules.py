"""Searches of every method, small enough for thousands of schedules (`pedl.testing.schedules`)."""

from __future__ import annotations

from typing import Any

from pedl.config import parse_config
from pedl.search import SearchMethod, make_search
from pedl.testing import schedules
from pedl.testing.schedules import Decisions, World

SPACE = {
    "units": {"type": "int", "minval": 1, "maxval": 64},
    "rate": {"type": "double", "minval": 0.0, "maxval": 0.9},
    "optimizer": {"lr": {"type": "log", "base": 10, "minval": -4, "maxval": -1}},
    "activation": {"type": "categorical", "vals": ["relu", ["elu", 1.0], None]},
    "layers": 2,
}

SEARCHERS: dict[str, dict[str, Any]] = {
    "random": {"name": "random", "max_steps": 4, "max_trials": 9},
    "async_halving": {
        "name": "async_halving", "num_rungs": 3, "target_trial_steps": 9, "step_budget": 60, "divisor": 3,
    },
    "adaptive": {"name": "adaptive", "max_rungs": 3, "target_trial_steps": 16, "step_budget": 100},
    "adaptive_simple": {
        "name": "adaptive_simple", "mode": "conservative", "max_rungs": 3, "max_steps": 8, "max_trials": 18,
        "divisor": 2,
    },
    "asha": {"name": "asha", "max_steps": 8, "max_trials": 14, "max_rungs": 4, "divisor": 2},
    "pbt": {
        "name": "pbt", "population_size": 6, "num_rounds": 4, "steps_per_round": 2,
        "replace_function": {"truncate_fraction": 0.34},
        "explore_function": {"resample_probability": 0.3, "perturb_factor": 0.2},
    },
    "optuna": {
        "name": "optuna", "max_steps": 2, "max_trials": 7, "lag": 3,
        "sampler": {"name": "TPESampler", "n_startup_trials": 1, "n_ei_candidates": 4},
    },
}  # fmt: skip


def search(fields: dict[str, Any], experiment_seed: int = 42, **changes: Any) -> SearchMethod:
    config = parse_config({"searcher": {"metric": "loss", **fields, **changes}, "hyperparameters": SPACE})
    return make_search(config.searcher, config.hyperparameters, experiment_seed)


def undisturbed(fields: dict[str, Any], world: World) -> Decisions:
    """Returns what one worker decides that takes things in order, repeats nothing and never crashes."""
    return schedules.undisturbed(lambda: search(fields), world)


def one_decision_log(fields: dict[str, Any], seed: int) -> None:
    """The law: whatever the schedule, the decisions are those of an undisturbed worker."""
    schedules.one_decision_log(lambda: search(fields), seed)
