"""`pedl tensorboard`: results for TensorBoard, and TensorBoard itself, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedl.cli.completion import experiments
from pedl.cli.options import home_option
from pedl.cli.output import say
from pedl.display.words import command_line

if TYPE_CHECKING:
    from pedl.report.event_files import EventFiles

LOOK_AGAIN_S = 2.0
"""Seconds between two looks at the experiments that run."""

# What TensorBoard takes from TensorFlow it has copies of, for builds without it, which it knows by this module
# (`tensorboard/compat/__init__.py`): to load TensorFlow takes it ten times as long to start, and shows nothing more.
_MAIN = """\
import sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.main import run_main
run_main()
"""


@click.command()
@click.argument("experiment_id", metavar="[ID]", type=click.IntRange(min=1), required=False, shell_complete=experiments)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=6006, metavar="N", help="Default: 6006; 0: any free one."
)
@click.option("--logdir-only", is_flag=True, help="Write the files, print their directory, and end.")
@home_option
def tensorboard(experiment_id: int | None, port: int, logdir_only: bool, home: str) -> None:
    """Show experiment ID, or all of them, in TensorBoard: metrics by step, and hyperparameters.

    It follows running experiments, listens on this machine only, and ends with Ctrl-C.

    \b
    Examples: pedl tensorboard 3
              pedl tensorboard --logdir-only
    """
    from pedl.experiment import list_experiments
    from pedl.report.event_files import EventFiles
    from pedl.store import Home

    if experiment_id is None and not list_experiments(home):
        say(f"There are no experiments in {home}.")
        return
    files = EventFiles(Home(Path(home)), experiment_id)
    files.update()
    if logdir_only:
        click.echo(str(files.directory))
    else:
        words = "tensorboard" if experiment_id is None else f"tensorboard {experiment_id}"
        _show(files, port, command_line(home, f"{words} --port 0"))


def _show(files: EventFiles, port: int, another_port: str) -> None:
    import signal
    import subprocess
    import sys
    import time

    from pedl.errors import PedlError

    command = [sys.executable, "-c", _MAIN, "--logdir", str(files.directory)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--reload_interval", "5"]
    say("Starting TensorBoard; it ends with Ctrl-C.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A group of its own: Ctrl-C is for us, who then end it.
    process = subprocess.Popen(command, start_new_session=True)
    try:
        while process.poll() is None:
            time.sleep(LOOK_AGAIN_S)
            files.update()
    except KeyboardInterrupt:
        return
    finally:
        process.terminate()
        process.wait()
    raise PedlError(
        f"TensorBoard ended with exit code {process.returncode}; what it said is above.\n"
        f"If its port is taken, choose another: {another_port}"
    )
