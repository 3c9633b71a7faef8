"""What a configuration may say, and its author may not have meant: told as notes, and refused nowhere."""

from __future__ import annotations

import math
import re

from pedl.config.hparams import Log
from pedl.config.schema import ExperimentConfig

LARGER_IS_BETTER = frozenset({
    "acc", "accuracy", "auc", "auroc", "auprc", "bleu", "dice", "f1", "f1score", "fbeta", "iou", "jaccard", "kappa",
    "mcc", "meaniou", "miou", "precision", "psnr", "r2", "r2score", "recall", "rouge", "sensitivity", "specificity",
    "ssim",
})  # fmt: skip
"""Parts of the names of metrics of which more is better."""

TURNED_ROUND = frozenset({"loss", "error", "err", "distance", "inverse", "minus", "neg", "negative"})
"""Parts beside which those say nothing: `dice_loss` is better the smaller it is."""


def doubts_about(config: ExperimentConfig) -> list[str]:
    """Returns a sentence or two for each field that is probably meant otherwise; [] for a complete configuration, such
    as one that is stored: whoever writes a default means it.
    """
    return [*_of_direction(config), *_of_exponents(config)]


def range_of(parameter: Log) -> tuple[float, float]:
    """Returns the values between which a parameter lies, the smaller first."""
    low, high = sorted(parameter.base**exponent for exponent in (parameter.minval, parameter.maxval))
    return low, high


def _of_direction(config: ExperimentConfig) -> list[str]:
    searcher = config.searcher
    parts = set(re.split(r"[^a-z0-9]+", searcher.metric.lower()))
    if "smaller_is_better" in searcher.model_fields_set or not parts & LARGER_IS_BETTER or parts & TURNED_ROUND:
        return []
    return [
        f"searcher.metric: the smallest {searcher.metric} is searched for: searcher.smaller_is_better is true by "
        "default; write false to search for the largest, or true to say that the smallest is meant"
    ]


def _of_exponents(config: ExperimentConfig) -> list[str]:
    logs = {path: entry for path, entry in config.hyperparameters.flat().items() if isinstance(entry, Log)}
    return [_exponents(path, entry) for path, entry in logs.items() if entry.minval > 0 and entry.maxval < 1]


def _exponents(path: str, entry: Log) -> str:
    low, high = range_of(entry)
    meant = " and ".join(f"{math.log(bound, entry.base):.6g}" for bound in (entry.minval, entry.maxval))
    return (
        f"hyperparameters.{path}: values lie between {low:.6g} and {high:.6g}: minval and maxval are exponents; write "
        f"{meant} for {entry.minval:.6g} and {entry.maxval:.6g}"
    )
