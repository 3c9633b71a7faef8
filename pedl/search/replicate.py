"""One trial again and again: as it was, with one stream re-keyed, and with all of those that are varied.

Trial 1 is the trial that is replicated, bit for bit. Then come, for each stream of `vary`, `replications` trials in
which only that stream is re-keyed, and, for more than one stream, as many in which all are. Replication k has the same
streams in each group. Streams that the trial does not keep apart (`together`) are re-keyed as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from pedl.config.brackets import Rung
from pedl.config.hparams import Space
from pedl.config.searcher import ReplicateSearcher
from pedl.search.method import Create, Operation, Plan
from pedl.search.space import draw_hparams
from pedl.search.told import ToldSearch
from pedl.seeds import replication_seed


class ReplicateSearch(ToldSearch):
    """`replicate`: see the module's text. Results decide nothing."""

    def __init__(self, searcher: ReplicateSearcher, space: Space, experiment_seed: int) -> None:
        super().__init__()
        self._searcher = searcher
        self._hparams = draw_hparams(space, experiment_seed, 1)
        self._groups = [group for group, _ in replications(searcher)]

    def start(self) -> list[Operation]:
        """Returns Create and Train for all replications."""
        searcher = self._searcher
        operations: list[Operation] = []
        for streams, number in replications(searcher):
            seeds = {stream: replication_seed(searcher.trial_seed, stream, number) for stream in streams}
            created, train = self._roster.create(self._hparams, searcher.targets[0])
            operations += [Create(created.trial_id, self._hparams, None, searcher.trial_seed, seeds), train]
        return operations

    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        target = next((target for target in self._searcher.targets if target > step), None)
        return [self._roster.close(trial_id) if target is None else self._roster.train(trial_id, target)]

    def _failed(self, trial_id: int) -> list[Operation]:
        return []

    def plan(self) -> Plan:
        """Returns one rung: all trials are trained equally long."""
        return Plan(((Rung(self._searcher.targets[-1], len(self._groups)),),), len(self._groups))


def replications(searcher: ReplicateSearcher) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yields, for each trial by number, the streams that are re-keyed and the number of the replication, from 1.

    The first trial has no stream re-keyed.
    """
    yield (), 0
    groups = stream_groups(searcher)
    for group in groups + ([tuple(dict.fromkeys(searcher.vary))] if len(groups) > 1 else []):
        for number in range(1, searcher.replications + 1):
            yield group, number


def stream_groups(searcher: ReplicateSearcher) -> list[tuple[str, ...]]:
    """Returns what is re-keyed on its own: each stream, and as one those that the trial does not keep apart."""
    streams = tuple(dict.fromkeys(searcher.vary))
    together = tuple(stream for stream in streams if stream in searcher.together)
    return list(dict.fromkeys(together if stream in together else (stream,) for stream in streams))
