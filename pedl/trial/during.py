"""What was being done when an error came up that has no frame of the user's: said in front of the error.

Keras says that two shapes do not fit, or that an identifier is unknown, and knows neither hook nor data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pedl.errors import PedlError


class FailedDuring(Exception):
    """Something failed; its text says what was done and where to look, the error itself is the cause."""


@contextmanager
def during(what: Callable[[], str]) -> Iterator[None]:
    """While it lasts, other errors than pedl's own become FailedDuring with the text that `what` returns then."""
    try:
        yield
    except (PedlError, FailedDuring):
        raise
    except Exception as error:
        raise FailedDuring(what()) from error
