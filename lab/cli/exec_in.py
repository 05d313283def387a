"""mseelab exec: run a command in a node."""

from __future__ import annotations

import sys

import click

from lab.cli.options import connect, name_option, node_argument
from lab.probe.joining import execute, join_inside
from lab.runtime.process import node_environment


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@name_option
@node_argument
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def command(name: str | None, node: str, arguments: tuple[str, ...]) -> None:
    """Run a command in a node; its exit code is ours.

    The node has interfaces, routes and processes of its own; its files are the host's, or in a container
    those of its image:

        mseelab exec app1 -- ping -c 3 10.17.1.4
    """
    control = connect(name)
    join_inside(control, node)
    words = list(arguments[1:] if arguments[0] == "--" else arguments)
    sys.exit(execute(words, node_environment()))
