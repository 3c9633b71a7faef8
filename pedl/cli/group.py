"""Groups of commands: short names for them, a guess at mistyped ones, and errors told without a traceback."""

from __future__ import annotations

import difflib
from typing import Any

import click

from pedl.cli.output import say
from pedl.errors import PedlError

INTERRUPTED = 130
"""The exit code of a command that was interrupted, and of an experiment that can go on."""

DIFFERS = 1
"""The exit code of a command that found a difference where it looked for none."""

_CLOSE_ELSEWHERE = 0.8
"""How like a word a command must be that stands somewhere else."""


class Group(click.Group):
    """Commands by name; `aliases` maps other names to those."""

    def __init__(self, *args: Any, aliases: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.aliases = aliases or {}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command by its name or alias; the error for an unknown one names the nearest."""
        name = self.aliases.get(args[0], args[0])
        known = self.get_command(ctx, name) is not None or args[0].startswith("-")
        if not known and not ctx.resilient_parsing:  # a shell that completes is told nothing
            meant = " or ".join(f"`{it}`" for it in self._meant(ctx, args[0]))
            guess = f"Did you mean {meant}?" if meant else f"There are: {', '.join(self.list_commands(ctx))}."
            ctx.fail(f"No such command: `{args[0]}`. {guess}")
        return super().resolve_command(ctx, [name, *args[1:]])

    def _meant(self, ctx: click.Context, word: str) -> list[str]:
        """Returns the commands that a person may have meant: here, else with another noun before them."""
        here = self.list_commands(ctx)
        root = ctx.find_root()
        nouns = {name: it for name, it in getattr(root.command, "commands", {}).items() if isinstance(it, click.Group)}
        if exact := [f"{root.command_path} {noun} {word}" for noun, group in nouns.items() if word in group.commands]:
            return exact
        if close := [it for it in here if it.startswith(word)] or difflib.get_close_matches(word, here, n=1):
            return [f"{ctx.command_path} {close[0]}"]
        elsewhere = {name for noun in nouns.values() for name in noun.commands}
        close = difflib.get_close_matches(word, sorted(elsewhere), n=1, cutoff=_CLOSE_ELSEWHERE)
        return [
            f"{root.command_path} {noun} {close[0]}"
            for noun, group in nouns.items()
            if close and close[0] in group.commands
        ]


class Root(Group):
    """The command `pedl`: errors that pedl raises on purpose become one message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except PedlError as error:
            say(str(error))
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            say("Interrupted.")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            raise  # Click ends quietly when the reader of our output is gone.
        except OSError as error:
            say(f"{error.filename or 'pedl'}: {error.strerror or error}")
            ctx.exit(1)
