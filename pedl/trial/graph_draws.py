"""The factory's random operations for graphs: what `tf.random` and `tf.nn.dropout` draw, keyed by scope and name.

    x = self.seeded.dropout(x, 0.5, name="drop")
    noise = self.seeded.normal(tf.shape(x), stddev=0.1, name="noise")

They take what TensorFlow's functions take. An ordinary operation is keyed too, by its name path in the graph, which
moves with the name scopes around it and with operations of the same name before it; these are moved by nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pedl.trial.graph_random import current
from pedl.trial.place import Place


class GraphDraws(ABC):
    """Random operations keyed by place; to be called within `build_graph` of a `TensorFlowTrial`.

    Raises:
      TrialDefinitionError: where no graph is built, or if the name was used in this scope before.
    """

    def dropout(self, x: Any, rate: Any, noise_shape: Any = None, *, name: str | None = None) -> Any:
        """Returns `x` with the share `rate` (0 .. 1) of its elements set to 0, and the others divided by 1 - rate."""
        return self._drawn("dropout", tf.nn.dropout, name, x, rate, noise_shape)

    def normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = tf.float32, *, name: str | None = None
    ) -> Any:
        """Returns normal numbers of a shape."""
        return self._drawn("normal", tf.random.normal, name, shape, mean, stddev, dtype)

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = tf.float32, *, name: str | None = None
    ) -> Any:
        """Returns normal numbers of a shape within two standard deviations of their mean."""
        return self._drawn("truncated_normal", tf.random.truncated_normal, name, shape, mean, stddev, dtype)

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = tf.float32, *, name: str | None = None
    ) -> Any:
        """Returns numbers in [minval, maxval) of a shape, of floats in [0, 1) where nothing else is said."""
        return self._drawn("uniform", tf.random.uniform, name, shape, minval, maxval, dtype)

    def shuffle(self, value: Any, *, name: str | None = None) -> Any:
        """Returns `value` with its rows (first axis) in a random order."""
        return self._drawn("shuffle", tf.random.shuffle, name, value)

    def categorical(self, logits: Any, num_samples: Any, dtype: Any = None, *, name: str | None = None) -> Any:
        """Returns classes drawn with unnormalized log-probabilities `logits`, (batch, classes): (batch, samples)."""
        return self._drawn("categorical", tf.random.categorical, name, logits, num_samples, dtype)

    def gamma(
        self, shape: Any, alpha: Any, beta: Any = None, dtype: Any = tf.float32, *, name: str | None = None
    ) -> Any:
        """Returns `shape` draws from each of the gamma distributions with parameters alpha and beta."""
        return self._drawn("gamma", tf.random.gamma, name, shape, alpha, beta, dtype)

    def poisson(self, shape: Any, lam: Any, dtype: Any = tf.float32, *, name: str | None = None) -> Any:
        """Returns `shape` draws from each of the Poisson distributions with rates lam."""
        return self._drawn("poisson", tf.random.poisson, name, shape, lam, dtype)

    def _drawn(self, title: str, function: Callable[..., Any], name: str | None, *arguments: Any) -> Any:
        random = current(f"self.seeded.{title}()")
        with random.at(self._place(getattr(self, title), name).path):
            return function(*arguments, **({} if name is None else {"name": name}))

    @abstractmethod
    def _place(self, make: Callable[..., Any], name: str | None) -> Place:
        """Returns the place of what `make` makes in the current scope."""
