"""The generators that a whole process shares: seeded once, borrowed and given back, saved and restored.

Python's `random` and NumPy's `np.random` are one running stream each: whoever draws moves everybody who draws after.
A place that must not depend on its neighbours *borrows* them instead: they are set from a seed of its own for the
duration of a `with`, and continue afterwards as if nothing had happened.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from pedl.errors import CheckpointError


def seed_everything(trial_seed: int, init_seed: int | None = None) -> None:
    """Sets `random`, `np.random`, TensorFlow's global seed and Keras's, from the trial seed (0 .. 2**31 - 1).

    `init_seed` is for TensorFlow's and Keras's, where it is another one. `random` and `np.random` stay: data may be
    made with them.

    To be called before the user's module is imported and before any graph exists. Creates no TensorFlow context, so
    that thread pools can still be set afterwards. It does not reach `np.random.default_rng()` or `random.Random()`
    (pedl.trial.tracked does), nor a `tf.Graph` that is made later.
    """
    keras.utils.set_random_seed(trial_seed if init_seed is None else init_seed)
    random.seed(trial_seed)
    np.random.seed(trial_seed)


@dataclass
class Borrow:
    """One `borrowed` block: its seed, whether that belongs to one layer alone, or to one item of a `PyDataset`, and the
    generators created in it.
    """

    seed: int
    of_a_layer: bool = False
    of_an_item: bool = False
    created: dict[str, int] = field(default_factory=dict)


class _Borrows(threading.local):
    def __init__(self) -> None:
        self.stack: list[Borrow] = []


_borrows = _Borrows()


def current_borrow() -> Borrow | None:
    """Returns the innermost `borrowed` block that this thread is in, or None where the streams are running."""
    return _borrows.stack[-1] if _borrows.stack else None


@contextmanager
def borrowed(seed: int, *, of_a_layer: bool = False, of_an_item: bool = False) -> Iterator[None]:
    """Sets Python's and NumPy's global generators from `seed` and gives them back, whatever happens within.

    Blocks nest; each continues where it was when an inner one ends. The generators belong to the process: two threads
    must not be in such a block at the same time. Keras's own global generator, which `keras.random.*(seed=None)` uses,
    has no public access and is not borrowed; the audit names who draws from it.

    Args:
      seed: 0 .. 2**32 - 1, as `pedl.seeds.stream_seed` gives.
      of_a_layer: whether the seed is that of one layer's place. Elsewhere several layers may draw in turn, as in a
        trace: reproducible, but they move each other, which the audit says.
      of_an_item: whether one item of a `PyDataset` is made: generators created meanwhile belong to no state.
    """
    python_state = random.getstate()
    numpy_state = np.random.get_state(legacy=False)
    _borrows.stack.append(Borrow(seed, of_a_layer, of_an_item))
    try:
        random.seed(seed)
        np.random.seed(seed)
        yield
    finally:
        _borrows.stack.pop()
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def get_global_state() -> dict[str, Any]:
    """Returns the state of `random` and of `np.random` as plain JSON: {"random": [...], "np.random": {...}}."""
    return {"random": plain(random.getstate()), "np.random": plain(np.random.get_state(legacy=False))}


def set_global_state(state: Mapping[str, Any]) -> None:
    """Puts back what `get_global_state` returned, also from another process.

    Raises:
      CheckpointError: if the state is not one of these two generators, as another Python or NumPy may have saved it.
    """
    try:
        random.setstate(python_state(state["random"]))
        np.random.set_state(unplain(state["np.random"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CheckpointError(
            f"the saved state of random and np.random does not fit this Python and NumPy {np.__version__} ({error}); "
            "resume with the versions in the experiment's numeric profile"
        ) from error


def plain(value: Any) -> Any:
    """Returns a generator's state as plain JSON: arrays become {"dtype": "uint32", "values": [...]}."""
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "values": value.tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def unplain(value: Any) -> Any:
    """Returns what `plain` was given, but for tuples, which stay lists."""
    if isinstance(value, Mapping):
        if set(value) == {"dtype", "values"}:
            return np.array(value["values"], dtype=value["dtype"])
        return {key: unplain(item) for key, item in value.items()}
    return value


def python_state(state: list[Any]) -> tuple[Any, ...]:
    """Returns the tuple that `random.Random.setstate` takes from its plain form."""
    version, words, gauss_next = state
    return version, tuple(words), gauss_next
