"""Ways to break a mechanism on purpose, to see that the tests notice. Each takes a run and what was started."""

import numpy as np

import pedl.trial.arrays
import pedl.trial.in_order
from pedl.trial.graph_run import GraphRun
from pedl.trial.keras_run import KerasRun


def _forget(run: KerasRun, forgotten) -> None:
    """Restoring leaves the variables that `forgotten(group, path)` names as they were."""
    restore = run._state.restore

    def forgetful(header, arrays, **options):
        before = [(entry, v, v.numpy()) for entry, v in zip(run._state.header(), run._state.variables(), strict=True)]
        restore(header, arrays, **options)
        hit = [(v, value) for entry, v, value in before if forgotten(entry["group"], entry["path"])]
        assert hit or options, "the sabotage found nothing to forget"
        for variable, value in hit:
            variable.assign(value)

    run._state.restore = forgetful


def _forget_of_a_graph(run: GraphRun, ending) -> None:
    """Restoring leaves the variables whose path ends so as they were."""
    restore = run._state.restore

    def forgetful(header, arrays):
        before = run._state.arrays()
        restore(header, arrays)
        hit = [entry["path"].endswith(ending) for entry in header]
        assert any(hit), "the sabotage found nothing to forget"
        run._state.assign([old if it else new for it, old, new in zip(hit, before, arrays, strict=True)])

    run._state.restore = forgetful


def forget_moving_statistics_of_a_graph(run, started):
    _forget_of_a_graph(run, "norm/mean")


def forget_slots_of_a_graph(run, started):
    _forget_of_a_graph(run, "kernel/Adam")


def forget_powers_of_a_graph(run, started):
    _forget_of_a_graph(run, "beta2_power")


def forget_seed_generators(run, started):
    _forget(run, lambda group, path: "seed_generator" in path)


def forget_moving_statistics(run, started):
    _forget(run, lambda group, path: "moving_mean" in path)


def forget_momenta(run, started):
    _forget(run, lambda group, path: group == "optimizer" and "momentum" in path)


def forget_iteration(run, started):
    _forget(run, lambda group, path: group == "optimizer" and "iteration" in path)


def forget_averages(run, started):
    _forget(run, lambda group, path: group == "optimizer" and "average" in path)


def forget_accumulators(run, started):
    _forget(run, lambda group, path: group == "optimizer" and "accumulator" in path)


def forget_loss_scale(run, started):
    _forget(run, lambda group, path: group == "optimizer" and "step_counter" in path)


def forget_memory(run, started):
    """Of a stateful layer."""
    _forget(run, lambda group, path: path.endswith("rnn_state"))


def forget_position_in_the_data(run, started):
    """A pipeline of `tf.data` begins anew, as if it were at its place."""
    source = run._training
    go_to = source.go_to
    source.go_to = lambda batches: go_to(0)


def forget_callbacks(run, started):
    run._keras_callbacks.set_state = lambda state: None


def forget_metrics(run, started):
    _forget(run, lambda group, path: group == "metric" and "total" in path)


def forget_one_weight(run, started):
    _forget(run, lambda group, path: group == "model" and path.endswith("bias"))


def forget_batches_done(run, started):
    load = run.load

    def forgetful(path, sha256=None):
        load(path, sha256)
        run.batches_done = 0

    run.load = forgetful


def unkeyed_order(run, started):
    """Every epoch has the first one's order."""
    order = pedl.trial.arrays.epoch_order
    pedl.trial.arrays.epoch_order = lambda seed, epoch, size: order(seed, 0, size)


def order_from_entropy(run, started):
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence()))
    pedl.trial.arrays.epoch_order = lambda seed, epoch, size: rng.permutation(size).astype(np.int32)


def make_ahead_beside_python(run, started):
    """Items are made in a thread though the model runs Python that draws."""
    run._loop.runs_python = lambda phase: False


def use_the_usual_executor(run, started):
    pedl.trial.in_order.holds = lambda light: False


def call_every_step(run, started):
    pedl.trial.in_order.is_light = lambda nodes, variables: False
