"""What preprocessing layers have learned and keep outside of variables: vocabularies and boundaries of bins.

They are made again when a trial is resumed, by the same code from the same data; a checkpoint has their hashes, so that
another vocabulary is noticed and not trained with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pedl.errors import CheckpointError


def tables(layers: Sequence[Any]) -> dict[str, str]:
    """Returns position, class and name of each layer that has a table -> the hash of its contents."""
    found = {}
    for position, layer in enumerate(layers):
        contents = _contents(layer)
        if contents is not None:
            found[f"{position}:{type(layer).__name__}"] = hashlib.sha256(repr(contents).encode()).hexdigest()
    return found


def check_tables(saved: dict[str, str], here: dict[str, str]) -> None:
    """Raises CheckpointError if layers have other tables than when the checkpoint was saved."""
    names = sorted({*saved, *here})
    different = [name for name in names if saved.get(name) != here.get(name)]
    if different:
        raise CheckpointError(
            f"the vocabulary or the bins of layer {', '.join(different)} are not those of the checkpoint. They are "
            "learned anew when a trial is resumed: adapt() such layers in build_model, from data that stay the same."
        )


def _contents(layer: Any) -> Any:
    if hasattr(layer, "get_vocabulary"):
        return [str(token) for token in layer.get_vocabulary()]
    boundaries = getattr(layer, "bin_boundaries", None)
    return None if boundaries is None else [float(boundary) for boundary in boundaries]
