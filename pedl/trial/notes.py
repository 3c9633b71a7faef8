"""What the audit found, as notes for the person who creates an experiment: many layers of one kind in one line."""

from __future__ import annotations

from collections.abc import Sequence

MOST_PLACES = 6
"""Lines of the user's that a note names."""


def notes(findings: Sequence[dict[str, str]]) -> list[str]:
    """Returns a note for each finding of `pedl.trial.audit`, and one for all layers that draw from a running stream."""
    running = [it for it in findings if it["kind"] == "running_stream"]
    together = running if len(running) > 1 else []
    others = [it["message"] for it in findings if it not in together]
    return [_together([it["where"] for it in together]), *others] if together else others


def _together(where: list[str]) -> str:
    places = list(dict.fromkeys(where))
    shown = ", ".join(places[:MOST_PLACES]) + (", ..." if len(places) > MOST_PLACES else "")
    return (
        f"{len(where)} layers draw from a running stream: {shown}: reproducible, but moved by whatever is made or "
        "drawn before them. How to key them by name: `pedl trial describe`, and docs/trials.md, Seeds and the factory"
    )
