"""Every seed in pedl is derived on this page.

A seed or draw is a keyed hash of *what it is for*: the experiment seed, the trial number, a name. It is
never the n-th number of a running stream, so that adding, removing or reordering one consumer moves no
other. The hash is BLAKE2b (RFC 7693) from the standard library: no bit depends on the processor, on
NumPy's version, or on `PYTHONHASHSEED`.

The derivations below are version `SCHEME`. Its vectors in `tests/vectors/seeds.json` are fixed forever; another
derivation gets another version, which is stored with each experiment.
"""

from __future__ import annotations

import hashlib
import os
from typing import Literal, get_args

SCHEME = 1

SEED_MAX = 2**31 - 1
"""The largest experiment or trial seed; the smallest is 0."""

Part = str | int

Stream = Literal["init", "order", "dropout"]
"""A stream of a trial that a replication may re-key: initial weights, order of the data, random layers."""

STREAMS: tuple[Stream, ...] = get_args(Stream)


def keyed_bits(bits: int, *parts: Part) -> int:
    """Returns `bits` bits (1 .. 512) keyed by `parts`, as an integer in 0 .. 2**bits - 1.

    Parts are told apart by type and length: ("a", "b"), ("ab",) and (1,), ("1",) all differ.
    """
    encoded = [(b"s" if isinstance(part, str) else b"i", str(part).encode()) for part in parts]
    text = b"".join(b"%s%d:%s" % (kind, len(part), part) for kind, part in encoded)
    digest = hashlib.blake2b(text, digest_size=64, person=b"pedl-%d" % SCHEME).digest()
    return int.from_bytes(digest, "big") >> (512 - bits)


def fresh_experiment_seed() -> int:
    """Returns an experiment seed from the operating system's entropy: the only one that is drawn."""
    return int.from_bytes(os.urandom(4), "big") & SEED_MAX


def trial_seed(experiment_seed: int, trial_number: int) -> int:
    """Returns the seed of a trial: 0 .. 2**31 - 1, distinct for every trial number of an experiment.

    A keyed permutation (a four-round Feistel network over 32 bits, walked until it falls below 2**31) rather than
    a hash: two trials of one experiment can never share a seed.

    Args:
      experiment_seed: 0 .. 2**31 - 1.
      trial_number: from 1, in creation order, at most 2**31 - 1.

    Raises:
      ValueError: if either is out of its range.
    """
    if not 0 <= experiment_seed <= SEED_MAX:
        raise ValueError(f"experiment seed {experiment_seed}: expected 0 .. {SEED_MAX}")
    if not 1 <= trial_number <= SEED_MAX:
        raise ValueError(f"trial number {trial_number}: expected 1 .. {SEED_MAX}")
    value = trial_number
    while True:
        left, right = value >> 16, value & 0xFFFF
        for round_number in range(4):
            mixed = keyed_bits(16, "trial", experiment_seed, round_number, right)
            left, right = right, left ^ mixed
        value = left << 16 | right
        if value <= SEED_MAX:
            return value


def hparam_bits(experiment_seed: int, trial_number: int, path: str) -> int:
    """Returns the 128 bits that decide the hyperparameter at dotted `path` of a trial."""
    return keyed_bits(128, experiment_seed, "hparam", trial_number, path)


def explore_bits(experiment_seed: int, trial_number: int, path: str) -> int:
    """Returns the 128 bits that decide how clone `trial_number` changes its parent's hyperparameter at `path`."""
    return keyed_bits(128, experiment_seed, "explore", trial_number, path)


def sampler_seed(experiment_seed: int) -> int:
    """Returns the 32-bit seed of the sampler that suggests an experiment's hyperparameters."""
    return keyed_bits(32, experiment_seed, "sampler")


def replication_seed(trial_seed: int, stream: str, number: int) -> int:
    """Returns the seed, 0 .. 2**31 - 1, of a stream of a trial, one of `STREAMS`, in replication `number`, from 1."""
    return keyed_bits(31, trial_seed, "replication", stream, number)


def stream_seed(trial_seed: int, *stream: Part) -> int:
    """Returns a 32-bit seed for a named stream of a trial, as NumPy, Keras and TensorFlow take them.

    >>> stream_seed(7, "layer", "drop", "seed") == stream_seed(7, "layer", "drop", "seed")
    True
    """
    return keyed_bits(32, "stream", trial_seed, *stream)


def order_key(trial_seed: int, epoch: int) -> tuple[int, int]:
    """Returns the 2 x 64 bit key of the training order of an epoch, counted from 0."""
    bits = keyed_bits(128, "order", trial_seed, epoch)
    return bits >> 64, bits & (2**64 - 1)


def graph_key(trial_seed: int, *path: Part) -> int:
    """Returns the 64-bit Philox key of a random operation in a trial's graph: its name path, and its seed if any."""
    return keyed_bits(64, "graph", trial_seed, *path)
