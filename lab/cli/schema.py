"""mseelab schema: the JSON schema of topology files."""

from __future__ import annotations

import click


@click.command("schema")
@click.option("-f", "--format", type=click.Choice(["json"]), expose_value=False, help="It is always JSON.")
def command() -> None:
    """The JSON schema of topology files, for editors.

    An editor with a YAML language server completes and checks a file that begins with

        # yaml-language-server: $schema=topology.schema.json
    """
    from lab.model.schema import schema_text

    click.echo(schema_text(), nl=False)
