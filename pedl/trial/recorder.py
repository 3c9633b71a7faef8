"""What is written down of a trial's batches: the words of the step under way, and the chain over all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pedl.trial.fingerprint import WORD_BYTES, Chain

Words = npt.NDArray[np.uint8]


class Recorder:
    """Keeps the words of the step under way, and binds all into the trial's fingerprint.

    Args:
      header: one plain dict per variable (group, path, dtype, shape), in the order of their words.
      every_tensor: whether a word per variable is kept for every batch.
    """

    def __init__(self, header: list[dict[str, Any]], *, every_tensor: bool) -> None:
        self._names = [f"{index}:{entry['path']}" for index, entry in enumerate(header)]
        self._every_tensor = every_tensor
        self._chain = Chain.begin(header)
        self.begin_step()

    def begin_step(self) -> None:
        """Forgets the words of the step before; the chain goes on."""
        self._states: list[Words] = []
        self._data: list[Words] = []
        self._samples: list[Words] = []
        self._tensors: list[Words] = []

    def keep(self, data: Words, samples: Words, states: Words, tensors: Words | None) -> None:
        """Appends k batches: words of their data, of their samples in any order and of the states after them, (k, 8),
        and of each variable, (k, v, 8).
        """
        self._chain.extend(states, data)
        self._data.append(data)
        self._samples.append(samples)
        self._states.append(states)
        if tensors is not None:
            self._tensors.append(tensors)

    @property
    def fingerprint(self) -> str:
        """The end of the chain over all batches so far: 64 hexadecimal digits."""
        return self._chain.hexdigest()

    def states(self) -> bytes:
        """Returns 8 bytes per batch of the step: the word of all variables after it."""
        return b"".join(words.tobytes() for words in self._states)

    def data(self) -> bytes:
        """Returns 8 bytes per batch of the step: the word of its data."""
        return b"".join(words.tobytes() for words in self._data)

    def samples(self) -> bytes:
        """Returns 8 bytes per batch of the step: the word of its samples in any order."""
        return b"".join(words.tobytes() for words in self._samples)

    def tensors(self, now: Words) -> dict[str, str]:
        """Returns position and name of each variable -> its word `now`, (v, 8), or its words of every batch, in
        hexadecimal.
        """
        if self._every_tensor:
            every = np.concatenate(self._tensors)
            return {name: every[:, index].tobytes().hex() for index, name in enumerate(self._names)}
        return {name: word.tobytes().hex() for name, word in zip(self._names, now, strict=True)}

    def get_state(self) -> dict[str, Any]:
        """Returns what `set_state` needs to go on in another process, as plain JSON."""
        return {
            "fingerprint": self.fingerprint,
            "states": self.states().hex(),
            "data": self.data().hex(),
            "samples": self.samples().hex(),
            "tensors": [words.tobytes().hex() for words in self._tensors],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `get_state` returned."""
        self._chain = Chain(state["fingerprint"])
        self._states = [_words(state["states"], WORD_BYTES)]
        self._data = [_words(state["data"], WORD_BYTES)]
        self._samples = [_words(state["samples"], WORD_BYTES)]
        self._tensors = [_words(text, len(self._names), WORD_BYTES) for text in state["tensors"]]


def _words(text: str, *shape: int) -> Words:
    return np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, *shape)
