"""mseelab schema: the JSON schemas of the files that people write."""

from __future__ import annotations

import click


@click.command("schema")
@click.option("-f", "--format", type=click.Choice(["json"]), expose_value=False, help="It is always JSON.")
@click.argument("kind", type=click.Choice(["topology", "scenario"]), default="topology")
def command(kind: str) -> None:
    """The JSON schema of topology or scenario files, for editors.

    An editor with a YAML language server completes and checks a file that begins with

        # yaml-language-server: $schema=topology.schema.json
    """
    from lab.model.schema import schema_text

    click.echo(schema_text(_schema(kind)), nl=False)


def _schema(kind: str) -> dict[str, object]:
    if kind == "scenario":
        from lab.scenario.schema import scenario_schema

        return scenario_schema()
    from lab.model.schema import topology_schema

    return topology_schema()
