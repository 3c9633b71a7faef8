"""The two arguments that an experiment is made of, looked at before anything heavy is loaded."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedl.errors import InputError

if TYPE_CHECKING:
    from pedl.config import ExperimentConfig


def settings_of(config: Path, model_def: Path, seed: int | None) -> ExperimentConfig:
    """Returns the configuration in `config`; `seed` takes precedence over its own.

    Raises:
      InputError: if the two are exchanged, the configuration is wrong, or `model_def` is not there.
    """
    from pedl.config import read_config
    from pedl.store.definition import check_there, exchanged

    if exchanged(config, model_def):
        raise _exchanged(config, model_def)
    settings = read_config(config, None if seed is None else {"experiment_seed": seed})
    check_there(model_def)
    return settings


def _exchanged(config: Path, model_def: Path) -> InputError:
    right = shlex.join([str(model_def), str(config)])
    return InputError(
        f"{config}, {'a directory' if config.is_dir() else 'code'}, came first, and {model_def}, a configuration file, "
        "second; expected the configuration first.\n"
        f"Write: {click.get_current_context().command_path} {right}"
    )
