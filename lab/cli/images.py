"""mseelab images: the container images that labs in Docker run in."""

from __future__ import annotations

from typing import Any

import click

from lab.cli.options import format_option, print_json
from lab.cli.tables import print_table

MB = 1_000_000
"""As the docker command counts."""


@click.command("images")
@click.option("--fresh", is_flag=True, help="Build all of them again, with Debian's newest packages.")
@format_option
def command(fresh: bool, output_format: str) -> None:
    """Build the container images that are missing or not of this version.

    `mseelab up --backend docker` needs them. Debian comes from Docker Hub where that answers, else
    mmdebstrap makes it.
    """
    from lab.runtime.docker.building import build
    from lab.runtime.docker.engine import connected

    with connected() as engine:
        images = build(engine, lambda text: click.echo(text, err=True), fresh=fresh)
    told: list[dict[str, Any]] = [
        {"image": image.reference, "state": image.state.value, "bytes": image.size} for image in images
    ]
    if output_format == "json":
        print_json(told)
    else:
        rows = [(image["image"], image["state"], f"{image['bytes'] / MB:.0f} MB") for image in told]
        print_table(("IMAGE", "STATE", "SIZE"), rows)
