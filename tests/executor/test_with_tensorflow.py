"""Forking after TensorFlow's import: children compute, each with a pool of its own, and end when they have to."""

import time

import psutil

from .living import assert_nobody_stays, kill, start_master


def test_each_child_sets_its_own_pool_and_equal_pools_give_equal_bits(make_driver):
    driver = make_driver("tensorflow_worker")
    attempts = [driver.start("product", trial_id=trial, intra_op=pool) for trial, pool in enumerate((4, 1, 4), 1)]
    first, single, again = (driver.end_of(attempt)[-1] for attempt in attempts)
    assert [end["pool"] for end in (first, single, again)] == [4, 1, 4]
    assert first == again


def test_a_worker_inside_a_long_operation_ends_with_its_master(tmp_path, mark):
    master, (_, worker) = start_master(tmp_path, mark, "long_operation", worker="tensorflow_worker")
    time.sleep(0.5)
    assert psutil.Process(worker).cpu_times().user > 0
    master.kill()
    assert_nobody_stays(mark)
    master.communicate()


def test_the_watchdog_alone_ends_a_worker_inside_a_long_operation(tmp_path, mark):
    (tmp_path / "without_kernel.py").write_text(
        "import pedl.executor.child as child; child._LIBC = None\nfrom tensorflow_worker import main\n"
    )
    master, (server, _) = start_master(tmp_path, mark, "long_operation", worker="without_kernel")
    time.sleep(0.5)
    kill(server, master.pid)
    assert_nobody_stays(mark)
    master.communicate()
