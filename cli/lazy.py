"""A group whose commands are imported when they are called, so that `leadstream --help` is quick."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, ClassVar

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cli.context import FAILED, UNREACHABLE, CommandFailed
from cli.output import err
from infra.errors import LeadstreamError
from local.embedded.errors import EmbeddedError
from log.errors import LogUnavailable


@dataclass(frozen=True)
class Entry:
    """One command, without its module.

    Attributes:
        name: as it is typed.
        place: module and attribute: a function that Typer can call, or a `typer.Typer` with subcommands.
        summary: its line in the list; the first of the function's docstring.
        panel: the heading it stands under.
        examples: how it is used, and what for.
        needs_arguments: whether calling it without any shows its help.
    """

    name: str
    place: str
    summary: str
    panel: str
    examples: tuple[tuple[str, str], ...]
    needs_arguments: bool = False

    def load(self) -> TyperCommand | TyperGroup:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        target: Any = getattr(import_module(module), attribute)
        if not isinstance(target, typer.Typer):
            alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
            alone.command(self.name, no_args_is_help=self.needs_arguments)(target)
            target = alone
        command = get_command(target)
        assert isinstance(command, TyperCommand | TyperGroup)
        command.name, command.epilog = self.name, self.epilog
        _take_data_folder(command)
        return command

    @property
    def epilog(self) -> str:
        """The examples, as they stand below the help."""
        lines = [f"  [green]{escape(line)}[/]\n      [dim]{escape(what)}[/]" for line, what in self.examples]
        return "\n".join(("[bold]Examples[/]", *lines))

    def placeholder(self) -> TyperCommand:
        """What the list of commands shows."""
        return TyperCommand(self.name, help=self.summary, rich_help_panel=self.panel)


class LazyGroup(TyperGroup):
    """Lists its entries without importing them, and prints in plain words what goes wrong."""

    entries: ClassVar[Sequence[Entry]] = ()

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for entry in self.entries:
            self.add_command(entry.placeholder())

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, or whose options are to be completed."""
        name, _, rest = super().resolve_command(ctx, args)
        command = next((entry.load() for entry in self.entries if entry.name == name), None)
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except CommandFailed as failure:
            _print_error(str(failure))
            raise typer.Exit(failure.code) from failure
        except LogUnavailable as error:
            _print_error(str(error))
            raise typer.Exit(UNREACHABLE) from error
        except (LeadstreamError, EmbeddedError) as error:
            _print_error(str(error))
            raise typer.Exit(FAILED) from error


def group_of(commands: Sequence[Entry]) -> type[LazyGroup]:
    """The class of a group with these commands."""

    class Commands(LazyGroup):
        entries = commands

    return Commands


def _print_error(message: str) -> None:
    err().print(f"[bold red]Error:[/] {escape(message)}", soft_wrap=True)


def _use_data_folder(value: str | None) -> None:
    if value:
        os.environ["LEADSTREAM_DATA"] = value


def _with_data_folder(
    data: Annotated[
        str | None,
        typer.Option(
            help="The data folder of the stack that is meant.",
            show_default="LEADSTREAM_DATA or .leadstream",
            callback=_use_data_folder,
            expose_value=False,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Only its option is used: each command gets it."""
    del data


def _take_data_folder(command: TyperCommand | TyperGroup) -> None:
    """Gives the command, and its subcommands, the option `--data`, where they have none of their own."""
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            assert isinstance(each, TyperCommand | TyperGroup)
            _take_data_folder(each)
    elif not any("--data" in parameter.opts for parameter in command.params):
        bearer = typer.Typer(add_completion=False)
        bearer.command()(_with_data_folder)
        command.params.append(get_command(bearer).params[0])
