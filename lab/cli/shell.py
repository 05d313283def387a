"""mseelab shell: a shell in a node."""

from __future__ import annotations

import sys

import click

from lab.cli.options import connect, name_option, node_argument
from lab.probe.joining import execute, join_inside
from lab.runtime.process import node_environment


@click.command("shell")
@name_option
@node_argument
def command(name: str | None, node: str) -> None:
    """A shell in a node; leave it with `exit`."""
    control = connect(name)
    namespace = join_inside(control, node)
    lab = control.folder.name
    environment = node_environment() | {"PS1": f"[{lab} {namespace}] \\$ ", "MSEELAB_NODE": namespace}
    sys.exit(execute(["bash", "--norc", "--noprofile"], environment))
