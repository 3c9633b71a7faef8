"""Operations that run one after the other give the bits that TensorFlow's usual executor gives."""

import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from pedl.trial.hidden_state import all_nodes
from pedl.trial.in_order import executor, is_light
from tests.marks import long_but
from tests.trial.alone import CONFIG, WORKLOADS


def in_the_long_run(value):
    return pytest.param(value, marks=pytest.mark.soak)


CALLED, USUAL = (["python", "tests.trial.sabotage", name] for name in ("call_every_step", "use_the_usual_executor"))


@pytest.mark.parametrize(
    "workload",
    ["mlp", pytest.param("gan", marks=pytest.mark.long), *(in_the_long_run(it) for it in ("cnn", "lstm", "mixed"))],
)
def test_the_executor_moves_no_bit(alone, workload):
    in_order, usual = (
        alone(workload, *how, ["validate"], ["train", 12], ["words"], ["weights"])[len(how) :]
        for how in ([CALLED], [CALLED, USUAL])
    )
    assert in_order == usual


def test_the_executor_is_in_force_while_it_lasts_and_no_longer():
    """TensorFlow keeps the name to itself: this fails on a version that has moved it."""
    with executor():
        assert context.context().function_call_options.executor_type == "SINGLE_THREADED_EXECUTOR"
    assert not context.context().function_call_options.executor_type


def idle_threads_sleep(run, started):
    return context.context().config.experimental.disable_thread_spinning


def idle_threads_of_a_session_sleep(run, started):
    return run.session._config.experimental.disable_thread_spinning


def test_threads_that_wait_do_not_turn_in_circles(alone):
    assert alone("mlp", ["python", "tests.trial.test_in_order", "idle_threads_sleep"]) == [True]
    assert alone("graph", ["python", "tests.trial.test_in_order", "idle_threads_of_a_session_sleep"]) == [True]


def test_a_step_with_a_convolution_or_many_values_is_not_light():
    def nodes(function, *shapes):
        concrete = tf.function(function).get_concrete_function(*[tf.TensorSpec(shape) for shape in shapes])
        return all_nodes(concrete.graph)

    product = nodes(lambda a, b: a @ b, (2, 3), (3, 4))
    assert is_light(product, [tf.Variable(tf.zeros([512, 256]))])
    assert not is_light(product, [tf.Variable(tf.zeros([512, 256])), tf.Variable(0.0)])
    assert not is_light(product, [tf.Variable([1.0], shape=tf.TensorShape(None))])
    branch = tf.function(lambda x: tf.cond(x > 0, lambda: x, lambda: -x))
    assert not is_light(nodes(lambda x: branch(x), ()), [])
    inner = tf.function(lambda image, kernel: tf.nn.conv2d(image, kernel, 1, "SAME"))
    assert not is_light(nodes(lambda *arguments: inner(*arguments), (1, 8, 8, 1), (3, 3, 1, 1)), [])


NESTED = """
import keras
import tensorflow as tf

from mlp import MlpTrial as _MlpTrial


def called(depth):
    inner = called(depth - 1) if depth else lambda x: x * 2.0
    return tf.function(lambda x: tf.cond(x[0, 0] > 1e9, lambda: x, lambda: inner(x)))


class NestedTrial(_MlpTrial):
    def build_model(self, hparams):
        model = super().build_model(hparams)
        model.add(keras.layers.Lambda(called(hparams["depth"])))
        return model
"""


def pools(inter_op):
    return {"reproducibility": {**CONFIG["reproducibility"], "threads": {"intra_op": 2, "inter_op": inter_op}}}


@pytest.mark.parametrize("depth", [in_the_long_run(0), in_the_long_run(1), 6])
@pytest.mark.parametrize("inter_op", long_but((1,), [1, 2, 4]))
def test_calls_within_calls_do_not_wait_for_each_other_for_ever(alone, tmp_path, depth, inter_op):
    definition = tmp_path / "definition"
    definition.mkdir()
    (definition / "model_def.py").write_text(NESTED)
    (definition / "mlp.py").write_bytes((WORKLOADS / "mlp.py").read_bytes())
    assert len(alone(definition, ["train", 5], hparams={"depth": depth}, config=pools(inter_op))[0]) == 1


@pytest.mark.parametrize("inter_op", long_but((1,), [1, 4]))
def test_a_convolution_trains_with_a_pool_of_any_size(alone, inter_op):
    assert alone("cnn", ["train", 5], ["validate"], config=pools(inter_op))[1]
