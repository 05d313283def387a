"""The command line: one file per verb, imported only when its verb is used.

Exit codes: 0 fine, 1 an expectation was false, 2 the input is wrong, 3 the environment or a
daemon failed, 130 interrupted. Errors go to standard error, never as a traceback for
something a user can cause.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import TYPE_CHECKING

import click

from lab.cli.interrupts import noting_interrupts
from lab.errors import InputError, LabError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETE_VARIABLE = "_MSEELAB_COMPLETE"
"""Set by the shell's completion function when it asks for completions."""

VERBS: dict[str, str] = {
    "up": "Bring a lab up and return when it has converged.",
    "apply": "Change a running lab to what its file says now.",
    "down": "End a lab; one that does not run is fine.",
    "list": "The labs that run.",
    "inspect": "Nodes, links, sessions and tunnels of a lab.",
    "exec": "Run a command in a node; its exit code is ours.",
    "shell": "A shell in a node.",
    "show": "Routes, BGP sessions, tunnels, ARP and FIB of a node.",
    "why": "The whole chain of decisions for a prefix on a node.",
    "capture": "Packets of an interface, as pcapng.",
    "fault": "Break something in a running lab, and mend it.",
    "events": "What happened in a lab, as JSON lines.",
    "test": "Run scenarios: claims about a running lab.",
    "validate": "Check topology and scenario files; needs no privileges.",
    "plan": "What would be built.",
    "graph": "A picture of a topology or a running lab.",
    "schema": "The JSON schemas of topology and scenario files.",
    "images": "Build the container images of the Docker back end.",
    "doctor": "What this host can do and what is missing.",
    "completion": "Shell completion for bash, zsh or fish.",
}
"""Every verb with its one line of help: the file ``lab/cli/VERB.py`` holds ``command``."""

MODULES = {"list": "list_labs", "exec": "exec_in"}
"""Where a verb's file cannot have the verb's name."""

HIDDEN_ALIASES = {"deploy": "up", "destroy": "down"}
"""Habits from containerlab."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell counts: 128 and SIGINT."""


class _Verbs(click.Group):
    """Imports a verb's file only to run it or to print its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = HIDDEN_ALIASES.get(cmd_name, cmd_name)
        if name not in VERBS:
            return None
        module = importlib.import_module(f"lab.cli.{MODULES.get(name, name)}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        verb = args[0]
        if verb not in VERBS and verb not in HIDDEN_ALIASES and not ctx.resilient_parsing:
            raise InputError(f"there is no verb {verb!r}", hint=_close_to(verb))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        verbs = [
            CompletionItem(verb, help=text) for verb, text in VERBS.items() if verb.startswith(incomplete)
        ]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)


def _close_to(verb: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(verb, [*VERBS, *HIDDEN_ALIASES], cutoff=0.65)
    return f"did you mean {' or '.join(close)}?" if close else "`mseelab --help` lists them"


@click.command(
    cls=_Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "auto_envvar_prefix": "MSEELAB",
    },
)
@click.version_option(package_name="mseelab", prog_name="mseelab")
def cli() -> None:
    """An Azure ExpressRoute deployment on one Linux host, with real BGP.

    Start with `mseelab up`; end with `mseelab down`. Every option can come from the
    environment: `--timeout` of `up` from MSEELAB_UP_TIMEOUT; MSEELAB_NAME and
    MSEELAB_FORMAT hold for all verbs that have `--name` and `--format`.
    """


def report(error: LabError) -> None:
    """An error as a user reads it."""
    click.echo(f"mseelab: {error.message}", err=True)
    if error.hint:
        click.echo(f"  hint: {error.hint}", err=True)


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code.

    Not click's own ``main``: that one ends with 1 when whoever reads our output stops
    reading, and 1 means that an expectation was false.
    """
    with noting_interrupts() as interrupted:
        try:
            return _run(arguments)
        except (KeyboardInterrupt, click.Abort):
            pass
        except Exception:
            if not interrupted():
                raise
    click.echo("mseelab: interrupted", err=True)
    return INTERRUPTED


def _run(arguments: list[str]) -> int:
    try:
        with cli.make_context("mseelab", arguments) as context:
            cli.invoke(context)
        sys.stdout.flush()
    except LabError as error:
        report(error)
        return error.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return InputError.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def main() -> None:
    """Entry point of the console script; ends the process."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale without UTF-8 is no reason to fail
    instruction = os.environ.get(COMPLETE_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(cli, {}, "mseelab", COMPLETE_VARIABLE, instruction))
    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        # Not sys.exit: CPython ends itself by SIGINT when the interrupt fell into an import
        # (it remembers one that was raised inside exec), and callers are promised a code.
        os._exit(code)
    sys.exit(code)
