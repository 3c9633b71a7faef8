"""How much each hyperparameter mattered: PED-ANOVA, as Optuna computes it.

    Watanabe, Bansal and Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces,
    IJCAI 2023

It compares where the best quarter of the trials lies with where all lie, one hyperparameter at a time. It draws nothing
at random, so that the same trials give the same numbers, and needs NumPy only; Optuna's other evaluators are forests,
which need scikit-learn and a seed, and a hundred trials for a good fit.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pedl import jsontext
from pedl.report.results import Results, are_numbers
from pedl.report.scales import is_logarithmic, positions

FEWEST_TRIALS = 4
BEST = 0.25
"""The part of the trials that counts as the best."""


def importance(results: Results) -> dict[str, float] | str:
    """Returns the importance of each varied hyperparameter, 0 to 1, 1 in all, largest first; or why there is none."""
    trials = results.ranked
    if not results.varied:
        return "There is no importance to compute: no hyperparameter differs between trials."
    if len(trials) < FEWEST_TRIALS:
        return f"There is no importance to compute yet: it takes {FEWEST_TRIALS} trials with a result."
    scores = [results.score(trial) for trial in trials]
    if len(set(scores)) == 1:
        return f"There is no importance to compute: all trials have the same {results.metric}."
    values = [results.hparams[trial["id"]] for trial in trials]
    everywhere = [path for path in results.varied if all(path in each for each in values)]
    columns = {path: column for path in everywhere if _differ(column := [each[path] for each in values])}
    if not columns:
        return "There is no importance to compute: the trials with a result have no hyperparameter that differs."
    return _ped_anova(columns, scores, results.smaller_is_better)


def _differ(column: Sequence[Any]) -> bool:
    return len({jsontext.dumps(value) for value in column}) > 1


def _ped_anova(columns: dict[str, list[Any]], scores: Sequence[float], smaller_is_better: bool) -> dict[str, float]:
    import optuna

    coded = {path: _coded(column, optuna) for path, column in columns.items()}
    spaces = {path: space for path, (space, _) in coded.items()}
    with _quiet(optuna):
        study = optuna.create_study(direction="minimize" if smaller_is_better else "maximize")
        for row, score in enumerate(scores):
            params = {path: numbers[row] for path, (_, numbers) in coded.items()}
            study.add_trial(optuna.create_trial(params=params, distributions=spaces, value=score))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=BEST)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {path: float(found[path]) for path in sorted(found, key=lambda path: (-found[path], path))}


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keeps Optuna from telling of this study; of the caller's own it tells again afterwards."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _coded(column: Sequence[Any], optuna: Any) -> tuple[Any, list[Any]]:
    """Returns a hyperparameter's range and its values as Optuna takes them: all by their position."""
    if are_numbers(column):
        return optuna.distributions.FloatDistribution(0, 1), positions(column, is_logarithmic(column))
    texts = [jsontext.dumps(value) for value in column]
    choices = sorted(set(texts))
    return optuna.distributions.CategoricalDistribution(range(len(choices))), [choices.index(it) for it in texts]
