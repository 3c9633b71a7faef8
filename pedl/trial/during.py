"""What was being done when an error came up that has no frame of the user's: said in front of the error.

Keras says that two shapes do not fit, or that an identifier is unknown, and knows neither hook nor data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pedl.errors import PedlError


class FailedDuring(Exception):
    """Something failed; its text says what was done and where to look, the error itself is the cause."""


def cannot_be_computed(phase: str) -> str:
    """What is said of the first batch of the "training" or "validation" data, whose shapes fit."""
    return (
        f"The first batch of the {phase} data fits the model, its loss and its metrics in shape, and fails when it is "
        "computed. Compare its values, such as its labels, with what they expect."
    )


@contextmanager
def during(what: Callable[[], str]) -> Iterator[None]:
    """While it lasts, other errors than pedl's own become FailedDuring with the text that `what` returns then."""
    try:
        yield
    except (PedlError, FailedDuring):
        raise
    except Exception as error:
        raise FailedDuring(what()) from error
