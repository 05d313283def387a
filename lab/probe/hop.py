"""One hop of a path: what the kernel of the node says, asked inside it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab.errors import BackendError
from lab.probe import kernel
from lab.timing import NEIGHBOR_ANSWER, wait_until

Json = dict[str, Any]

RESOLUTION = {4: "ARP", 6: "neighbor discovery"}


@dataclass(frozen=True, slots=True)
class Branch:
    """A next hop. ``mtu`` is its interface's, in bytes; ``broken`` why nothing gets there, such as
    ``link: core has no carrier``."""

    next_hop: str
    interface: str
    mtu: int
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a node sends packets to an address. ``kind`` is the route's type: ``local`` when they
    are at their end, ``unreachable`` when there is no route."""

    kind: str
    branches: tuple[Branch, ...] = ()


def ask(destination: str) -> Json:
    """What ``hop_of`` reads, by the kernel of this process.

    A next hop whose link-layer address nobody has asked for yet is asked for.
    """
    entry = kernel.lookup(destination)
    if entry["type"] == "unreachable":
        entry = kernel.passed_over(destination) or entry
    if entry["type"] != "unicast":
        return {"kind": entry["type"], "branches": []}
    links = kernel.links()
    return {
        "kind": entry["type"],
        "branches": [
            _branch(hop["gateway"] or destination, hop["interface"], links) for hop in entry["next_hops"]
        ],
    }


def hop_of(answer: Json) -> Hop:
    return Hop(answer["kind"], tuple(Branch(**branch) for branch in answer["branches"]))


def _branch(next_hop: str, interface: str, links: dict[str, Json]) -> Json:
    link = links[interface]
    broken = None
    if not link["up"]:
        broken = f"link: {interface} is set down"
    elif not link["carrier"]:
        broken = f"link: {interface} has no carrier"
    elif link["resolves"] and not _answers(next_hop, interface):
        version = 6 if ":" in next_hop else 4
        broken = f"{RESOLUTION[version]}: {next_hop} does not answer on {interface}"
    return {"next_hop": next_hop, "interface": interface, "mtu": link["mtu"], "broken": broken}


def _answers(next_hop: str, interface: str) -> bool:
    """Whether the next hop's link-layer address is known, or is when it is asked for."""
    if not _is_resolved(next_hop, interface):
        kernel.ask_for(next_hop, interface)
    with suppress(BackendError):
        return wait_until(next_hop, lambda: _is_resolved(next_hop, interface), bool, NEIGHBOR_ANSWER)
    return False


def _is_resolved(next_hop: str, interface: str) -> bool:
    return any(
        (entry["address"], entry["interface"]) == (next_hop, interface)
        and entry["mac"] is not None
        and entry["state"] not in kernel.UNRESOLVED
        for entry in kernel.neighbors()
    )
