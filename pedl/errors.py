"""Every error that pedl raises on purpose.

    PedlError                      exit code 1
    ├── InputError                 exit code 2: the input was wrong, nothing was created
    │   ├── ConfigError            the experiment configuration
    │   │   └── FieldError         one field of it, found to be wrong after it was read
    │   └── TrialDefinitionError   the model definition: import, class, hooks, data loaders
    ├── NoTrialContext             a helper that needs a running trial was called outside one
    ├── CheckpointError            a checkpoint is missing, damaged, or does not fit
    ├── StoreError                 the home: unknown id, newer format, held by another master
    ├── TrialFailed                the user's code raised while training
    └── NotReproduced              a repeated computation gave another result
        └── ReproducibilityViolation   noticed while an experiment runs

A message says what came, what was expected, and what to do next. A new error gets a class only if
somebody has to tell it apart from the others.
"""

from __future__ import annotations


class PedlError(Exception):
    """Base of all errors of pedl; `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(PedlError):
    """What the user handed in is wrong; found before anything is created."""

    exit_code = 2


class ConfigError(InputError):
    """The experiment configuration is wrong; the message lists every problem at once."""


class FieldError(ConfigError):
    """A field does not fit the rest of an experiment; `path` says where it stands, such as ("searcher", "metric")."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


class TrialDefinitionError(InputError):
    """The model definition is wrong: its import, its class, one of its hooks or its data."""


class NoTrialContext(PedlError):
    """A helper such as `get_trial_seed()` was called where no trial runs."""


class CheckpointError(PedlError):
    """A checkpoint is missing, damaged, or belongs to another model."""


class StoreError(PedlError):
    """The home cannot serve a request: unknown id, newer format, held by another master."""


class TrialFailed(PedlError):
    """The user's code raised while a trial ran; the message holds the user's frames."""


class NotReproduced(PedlError):
    """A repeated computation gave another result."""


class ReproducibilityViolation(NotReproduced):
    """A trial repeated a step, while its experiment ran, and the result differed."""
