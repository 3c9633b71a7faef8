"""Replications: the trial itself, each stream alone, and all of them together."""

from __future__ import annotations

from pedl.search import Close, Create, Train
from pedl.seeds import replication_seed
from tests.search.schedules import one_decision_log, search

FIELDS = {
    "name": "replicate", "of": "3/12", "trial_seed": 7, "targets": [1, 4], "replications": 2, "vary": ["init", "order"]
}  # fmt: skip


def test_the_first_trial_is_the_one_that_is_replicated_and_the_others_differ_in_streams_alone() -> None:
    created = [it for it in search(FIELDS).start() if isinstance(it, Create)]
    keyed = {(stream, k): replication_seed(7, stream, k) for stream in ("init", "order") for k in (1, 2)}
    assert [it.streams for it in created] == [
        {},
        {"init": keyed["init", 1]},
        {"init": keyed["init", 2]},
        {"order": keyed["order", 1]},
        {"order": keyed["order", 2]},
        {"init": keyed["init", 1], "order": keyed["order", 1]},
        {"init": keyed["init", 2], "order": keyed["order", 2]},
    ]
    assert len(set(keyed.values())) == 4 and 7 not in keyed.values()
    assert all(it.seed == 7 and it.hparams == created[0].hparams for it in created)
    assert search(FIELDS).plan().trials == 7


def test_one_stream_alone_needs_no_group_of_all() -> None:
    created = [it for it in search(FIELDS, vary=["dropout"]).start() if isinstance(it, Create)]
    assert [list(it.streams) for it in created] == [[], ["dropout"], ["dropout"]]


def test_streams_that_a_trial_does_not_keep_apart_are_rekeyed_as_one() -> None:
    vary, joint = ["init", "order", "dropout"], ["init", "dropout"]
    created = [it for it in search(FIELDS, vary=vary, together=joint).start() if isinstance(it, Create)]
    assert [list(it.streams) for it in created] == [[], joint, joint, ["order"], ["order"], vary, vary]
    assert created[1].streams == {stream: replication_seed(7, stream, 1) for stream in joint}
    alone = [it for it in search(FIELDS, vary=joint, together=joint).start() if isinstance(it, Create)]
    assert [list(it.streams) for it in alone] == [[], joint, joint]


def test_trials_stop_where_the_replicated_trial_stopped() -> None:
    method = search(FIELDS)
    method.start()
    assert method.report(1, 1, 0.5) == [Train(1, 4)]
    assert method.report(1, 4, 0.5) == [Close(1)]
    assert method.fail(2) == [Close(2)]


def test_any_schedule_gives_one_decision_log() -> None:
    for seed in range(40):
        one_decision_log(FIELDS, seed)
