"""The command line: one file per verb, imported only when its verb is used.

Exit codes: 0 fine, 1 an expectation was false, 2 the input is wrong, 3 the environment or a
daemon failed, 130 interrupted. Errors go to standard error, never as a traceback for
something a user can cause.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from lab.errors import LabError

VERBS: dict[str, str] = {
    "up": "Bring a lab up and return when it has converged.",
    "down": "End a lab; one that does not run is fine.",
    "list": "The labs that run.",
    "inspect": "Nodes, links, sessions and tunnels of a lab.",
    "exec": "Run a command in a node; its exit code is ours.",
    "shell": "A shell in a node.",
    "show": "Routes, BGP sessions, tunnels, ARP and FIB of a node.",
    "why": "The whole chain of decisions for a prefix on a node.",
    "capture": "Packets of an interface, as pcapng.",
    "events": "What happened in a lab, as JSON lines.",
    "validate": "Check topology files; needs no privileges.",
    "plan": "What would be built.",
    "graph": "A picture of a topology or a running lab.",
    "schema": "The JSON schema of topology files.",
    "doctor": "What this host can do and what is missing.",
    "completion": "Shell completion for bash, zsh or fish.",
}
"""Every verb with its one line of help: the file ``lab/cli/VERB.py`` holds ``command``."""

MODULES = {"list": "list_labs", "exec": "exec_in"}
"""Where a verb's file cannot have the verb's name."""

HIDDEN_ALIASES = {"deploy": "up", "destroy": "down"}
"""Habits from containerlab."""


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mseelab", prog_name="mseelab")
def cli() -> None:
    """An Azure ExpressRoute deployment on one Linux host, with real BGP.

    Start with `mseelab up`; end with `mseelab down`.
    """


def report(error: LabError) -> None:
    """An error as a user reads it."""
    click.echo(f"mseelab: {error.message}", err=True)
    if error.hint:
        click.echo(f"  hint: {error.hint}", err=True)


def main() -> None:
    """Entry point of the console script; ends the process."""
    try:
        code = cli.main(standalone_mode=False)
    except LabError as error:
        report(error)
        code = error.exit_code
    except click.exceptions.Abort:
        click.echo("mseelab: interrupted", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = 2
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except KeyboardInterrupt:
        click.echo("mseelab: interrupted", err=True)
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
