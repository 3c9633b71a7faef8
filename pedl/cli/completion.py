"""Completion: commands, options, the experiments and trials of a home. What a shell evaluates is Click's own script."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from pedl.store import Home

SHELLS = ("bash", "zsh", "fish")

MOST = 200
"""Names that are offered: a shell asks a person before it shows more."""


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what SHELL (bash, zsh or fish) evaluates to complete commands, options, experiments and trials.

    \b
    Examples: eval "$(pedl completion bash)"
              pedl completion zsh >> ~/.zshrc
              pedl completion fish > ~/.config/fish/completions/pedl.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None, shell
    click.echo(made(click.get_current_context().find_root().command, {}, "pedl", "_PEDL_COMPLETE").source())


def experiments(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns the experiments whose numbers begin with `incomplete`, newest first, with their descriptions."""
    return _items((str(it["id"]), it) for it in _summaries(ctx) if str(it["id"]).startswith(incomplete))


def trials(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns the trials whose names E/T begin with `incomplete`, of the newest experiment first."""
    names = ((f"{it['id']}/{trial}", it) for it in _summaries(ctx) for trial in range(1, it["trials"] + 1))
    return _items(pair for pair in names if pair[0].startswith(incomplete))


def sides(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns experiments, or trials once a slash is typed."""
    return (trials if "/" in incomplete else experiments)(ctx, parameter, incomplete)


def _summaries(ctx: click.Context) -> list[dict[str, Any]]:
    from pathlib import Path

    from pedl.cli.options import home_of
    from pedl.errors import PedlError
    from pedl.store import Home

    home = Home(Path(home_of(ctx)))
    try:
        return [{**it, "state": _state(home, it)} for it in home.summaries()[::-1]]
    except (PedlError, OSError):
        return []  # A person who presses a key is told nothing: the command itself says what is wrong with the home.


def _state(home: Home, summary: dict[str, Any]) -> str:
    from pedl.store.lock import is_held

    state: str = summary["state"]
    if state != "ACTIVE" or is_held(home.paths(summary["id"]).lock):
        return state
    from pedl.experiment.recorded import shown_state  # as late as can be: it takes longer to load than all else here

    return shown_state(state, running=False)


def _items(found: Any) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from pedl.display.words import one_line

    # In one line: Zsh reads the next one as another name.
    return [
        CompletionItem(name, help=f"{it['state']} {one_line(it['description'])}") for name, it in islice(found, MOST)
    ]
