"""mseelab show: what one node knows. BGP is asked of its speaker, ARP and FIB of the kernel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import click

from lab.cli.options import (
    ask,
    connect,
    format_option,
    name_option,
    namespace_name,
    node_argument,
    print_json,
)
from lab.cli.tables import duration, print_table
from lab.errors import InputError
from lab.probe.child import in_child
from lab.probe.joining import join

Entries = list[dict[str, Any]]

NO_TUNNELS = "this lab has no tunnels"

ROUTE_COLUMNS = {
    "PREFIX": "prefix",
    "NEXT HOP": "next_hop",
    "PEER": "peer",
    "WEIGHT": "weight",
    "LOCAL PREF": "local_pref",
    "MED": "med",
    "AS PATH": "as_path",
    "COMMUNITIES": "communities",
    "REASON": "reason",
}
"""Title and key of what `show routes` tells of a route."""
UNWEIGHED_COLUMNS = {title: key for title, key in ROUTE_COLUMNS.items() if key != "weight"}
"""The same where no route has a weight, as on all speakers but gateways."""


@click.group("show")
def command() -> None:
    """Routes, BGP sessions, tunnels, ARP and FIB of a node."""


@command.command("routes")
@name_option
@format_option
@node_argument
@click.argument("prefix", required=False)
def routes(name: str | None, output_format: str, node: str, prefix: str | None) -> None:
    """The Loc-RIB of NODE with every candidate.

    The best route is marked >, one that is used beside it =.
    REASON is the step of the decision process that chose the best route, and for any other
    the one that eliminated it. PREFIX shows that prefix alone; an address, its longest match.
    """
    wanted = prefix_or_address(prefix) if prefix else None
    entries: Entries = ask(name, "routes", namespace=node)
    if wanted is not None:
        entries = _matching(entries, wanted)
    if output_format == "json":
        print_json(entries)
    else:
        _print_routes(entries, prefix)


@command.command("bgp")
@name_option
@format_option
@node_argument
def bgp(name: str | None, output_format: str, node: str) -> None:
    """The BGP sessions of NODE; of all its VRFs when none is named."""
    sessions = [
        session
        for session in ask(name, "inspect")["bgp_sessions"]
        if node in (session["node"], namespace_name(session))
    ]
    if not sessions:
        ask(name, "sessions", namespace=node)  # says what is wrong with the name, if anything is
    if output_format == "json":
        print_json(sessions)
    else:
        _print_sessions(sessions)


@command.command("tunnels")
@name_option
@format_option
@node_argument
def tunnels(name: str | None, output_format: str, node: str) -> None:
    """The IPsec tunnels of NODE."""
    lab = ask(name, "inspect")
    known = {each for entry in lab["nodes"] for each in (entry["name"], namespace_name(entry))}
    if node not in known:
        raise InputError(f"{node} is not a node of this lab", hint="there are: " + ", ".join(sorted(known)))
    found = [tunnel for tunnel in lab["tunnels"] if tunnel["node"] == node.split("/")[0]]
    if output_format == "json":
        print_json(found)
    elif not found:
        click.echo(NO_TUNNELS if not lab["tunnels"] else f"{node} has no tunnels")
    else:
        _print_tunnels(found)


@command.command("arp")
@name_option
@format_option
@node_argument
def arp(name: str | None, output_format: str, node: str) -> None:
    """Who answered NODE's ARP requests and neighbour solicitations."""
    from lab.probe.kernel import neighbors

    entries = _read_inside(name, node, neighbors)
    if output_format == "json":
        print_json(entries)
    else:
        _print_neighbors(entries)


@command.command("fib")
@name_option
@format_option
@node_argument
def fib(name: str | None, output_format: str, node: str) -> None:
    """The routes NODE's kernel forwards by, and who installed them."""
    from lab.probe.kernel import main_table

    entries = _read_inside(name, node, main_table)
    if output_format == "json":
        print_json(entries)
    else:
        _print_fib(entries)


# Prefixes.


def prefix_or_address(text: str) -> IPv4Network | IPv6Network:
    """``10.17.0.0/16``, or an address as a network of its own. Raises InputError."""
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise InputError(
            f"{text!r} is neither a prefix nor an address", hint="for example 10.17.0.0/16 or 10.17.1.4"
        ) from None
    raise InputError(f"{text} has bits set behind its length", hint=f"did you mean {meant}?")


def _matching(entries: Entries, wanted: IPv4Network | IPv6Network) -> Entries:
    """The entries of the prefix itself or, for an address, of its longest match."""
    if wanted.prefixlen < wanted.max_prefixlen:
        return [entry for entry in entries if entry["prefix"] == str(wanted)]
    covering = [
        prefix
        for prefix in {ip_network(entry["prefix"]) for entry in entries}
        if wanted.network_address in prefix
    ]
    if not covering:
        return []
    longest = str(max(covering, key=lambda prefix: prefix.prefixlen))
    return [entry for entry in entries if entry["prefix"] == longest]


# The kernel's tables.


def _read_inside(name: str | None, node: str, read: Callable[[], Entries]) -> Entries:
    with closing(connect(name)) as control:

        def join_and_read() -> Entries:
            join(control, node)
            return read()

        entries: Entries = in_child(join_and_read)
    return entries


# Text.


def _print_routes(entries: Entries, asked: str | None) -> None:
    if not entries:
        click.echo(f"no route to {asked}; `mseelab why` says more" if asked else "no routes")
        return
    columns = ROUTE_COLUMNS if any(route["weight"] for route in entries) else UNWEIGHED_COLUMNS
    print_table(
        ("", *columns), [(_mark(route), *(route[key] for key in columns.values())) for route in entries]
    )


def _mark(route: dict[str, Any]) -> str:
    if route["best"]:
        return ">"
    return "=" if route.get("multipath") else ""


def _print_sessions(sessions: Entries) -> None:
    if not sessions:
        click.echo("no BGP sessions")
        return
    print_table(
        (
            "NODE",
            "PEER",
            "PEER ADDRESS",
            "PEER AS",
            "STATE",
            "UPTIME",
            "RECEIVED",
            "ACCEPTED",
            "ADVERTISED",
            "NOTE",
        ),
        [
            (
                namespace_name(session),
                session["neighbor"],
                session["peer_address"],
                session["peer_asn"],
                session["state"],
                duration(session["uptime_s"]),
                session["prefixes_received"],
                session.get("prefixes_accepted"),
                session.get("prefixes_advertised"),
                _note(session),
            )
            for session in sessions
        ],
    )


def _note(session: dict[str, Any]) -> str | None:
    error: str | None = session.get("last_error")
    if not session.get("held_down"):
        return error
    return f"held down: {error}" if error else "held down"


def _print_tunnels(found: Entries) -> None:
    keys = ("name", "peer", "interface", "remote_address", "state", "esp_proposal")
    counters = ("bytes_in", "bytes_out", "packets_in", "packets_out")
    print_table(
        (
            *("TUNNEL", "PEER", "INTERFACE", "REMOTE ADDRESS", "STATE", "ESP"),
            *("BYTES IN", "BYTES OUT", "PACKETS IN", "PACKETS OUT", "DROPPED", "PROBLEM"),
        ),
        [
            (*(tunnel[key] for key in (*keys, *counters)), _dropped(tunnel), tunnel["problem"])
            for tunnel in found
        ],
    )


def _dropped(tunnel: dict[str, Any]) -> str | None:
    """What the end refused: ``2 replay, 1 integrity``."""
    reasons = {name: tunnel[f"packets_dropped_{name}"] for name in ("replay", "integrity")}
    return ", ".join(f"{count} {name}" for name, count in reasons.items() if count) or None


def _print_neighbors(entries: Entries) -> None:
    if not entries:
        click.echo("no neighbors: nobody was asked yet")
        return
    keys = ("address", "mac", "interface", "state")
    print_table(
        ("ADDRESS", "MAC", "INTERFACE", "NEIGHBOR"), [tuple(entry[key] for key in keys) for entry in entries]
    )


def _print_fib(entries: Entries) -> None:
    if not entries:
        click.echo("no routes")
        return
    no_hop = {"gateway": None, "interface": None}
    print_table(
        ("PREFIX", "PROTOCOL", "METRIC", "NEXT HOP", "INTERFACE"),
        [
            (
                route["prefix"],
                route["protocol"],
                route["metric"] or None,
                hop["gateway"] or ("connected" if route["next_hops"] else route["type"]),
                hop["interface"],
            )
            for route in entries
            for hop in route["next_hops"] or [no_hop]
        ],
    )
