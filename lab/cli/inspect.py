"""mseelab inspect: what a lab consists of and how it is."""

from __future__ import annotations

from typing import Any

import click

from lab.cli.fault import print_faults
from lab.cli.options import ask, format_option, name_option, namespace_name, print_json
from lab.cli.tables import duration, heading, print_table
from lab.runtime.dataplane import WHERE


@click.command("inspect")
@name_option
@format_option
def command(name: str | None, output_format: str) -> None:
    """Nodes, links, BGP sessions, tunnels and faults of a lab, each with its state."""
    lab = ask(name, "inspect")
    if output_format == "json":
        print_json(lab)
    else:
        _print_text(lab)


def _print_text(lab: dict[str, Any]) -> None:
    heading(f"{lab['lab']}: {lab['state']} ({how_it_runs(lab)})")
    if lab["dataplane_reason"] is not None:
        where = f"IPsec is in {WHERE[lab['dataplane']]}" if lab["dataplane"] else "There are no IPsec tunnels"
        click.echo(f"{where}: {lab['dataplane_reason']}")
    click.echo()
    print_table(
        ("NODE", "VRF", "ROLE", "STATE"),
        [(node["name"], node["vrf"], node["role"], node["state"]) for node in lab["nodes"]],
        title="Nodes",
    )
    click.echo()
    print_table(
        ("LINK", "A", "B", "STATE"),
        [(link["name"], link["a"], link["b"], link["state"]) for link in lab["links"]],
        title="Links",
    )
    click.echo()
    print_table(
        ("NODE", "PEER", "PEER ADDRESS", "PEER AS", "STATE", "RECEIVED", "UPTIME"),
        [
            (
                namespace_name(session),
                session["neighbor"],
                session["peer_address"],
                session["peer_asn"],
                session["state"],
                session["prefixes_received"],
                duration(session["uptime_s"]),
            )
            for session in lab["bgp_sessions"]
        ],
        title="BGP sessions",
    )
    click.echo()
    print_table(
        ("TUNNEL", "NODE", "PEER", "STATE", "BYTES IN", "BYTES OUT", "PROBLEM"),
        [
            tuple(
                tunnel[key] for key in ("name", "node", "peer", "state", "bytes_in", "bytes_out", "problem")
            )
            for tunnel in lab["tunnels"]
        ],
        title="Tunnels",
    )
    if lab["faults"]:
        click.echo()
        print_faults(lab["faults"], title="Faults")


def how_it_runs(lab: dict[str, Any]) -> str:
    """The mechanisms of a lab in a few words."""
    facts = [lab["backend"], "rootless" if lab["rootless"] else "as root", f"tags by {lab['tagging']}"]
    if lab["dataplane"]:
        facts.append(f"IPsec in {WHERE[lab['dataplane']]}")
    return ", ".join(facts)
