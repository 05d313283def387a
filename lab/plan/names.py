"""What nodes, namespaces and interfaces are called.

Names a person types, so they are short: ``msee1`` is the primary MSEE, ``msee2`` the secondary
one; only several circuits or sites in one file need their names in front.
"""

from __future__ import annotations

from zlib import crc32

from lab.model.circuit import ExpressRouteCircuit, LinkPath, PeeringType
from lab.model.onprem import Site
from lab.model.topology import Topology

LONGEST_IFNAME = 15
"""IFNAMSIZ without its final zero (linux/if.h)."""

LONGEST_LAST_WORD = 5

MICROSOFT_EDGE = "msnet"
HOST_PORT = "eth0"
GATEWAY_PORT = "gw"
"""A gateway instance's interface in the GatewaySubnet."""
OUTSIDE_PORT = "outside"
"""A VPN gateway instance's interface with the public address."""

_NUMBER = {LinkPath.PRIMARY: "1", LinkPath.SECONDARY: "2"}
_VRF = {PeeringType.PRIVATE: "private", PeeringType.MICROSOFT: "microsoft"}


def ifname(text: str) -> str:
    """``text`` as an interface name.

    What is too long keeps its last word, which tells ``msee1`` from ``msee2``, and as much of its
    beginning as fits, with a check sum between them to stay apart from names alike.
    """
    if len(text) <= LONGEST_IFNAME:
        return text
    head, _, last = text.rpartition("-")
    tail = f"-{last}" if head and len(last) <= LONGEST_LAST_WORD else ""
    check = f"{crc32(text.encode()) & 0xFFF:03x}"
    return text[: LONGEST_IFNAME - len(check) - len(tail)] + check + tail


def port_to(node: str) -> str:
    """A port named after the node at its other end."""
    return ifname(f"to-{node}")


def wire_name(a: str, b: str) -> str:
    return f"{a}--{b}"


def vrf_name(peering_type: PeeringType) -> str:
    return _VRF[peering_type]


def provider_edge(topology: Topology, circuit: ExpressRouteCircuit, path: LinkPath) -> str:
    return _circuit_prefix(topology, circuit) + short_provider_edge(path)


def msee(topology: Topology, circuit: ExpressRouteCircuit, path: LinkPath) -> str:
    return _circuit_prefix(topology, circuit) + short_msee(path)


def short_provider_edge(path: LinkPath) -> str:
    """The provider edge to those of the same circuit."""
    return f"pe{_NUMBER[path]}"


def short_msee(path: LinkPath) -> str:
    """The MSEE to those of the same circuit."""
    return f"msee{_NUMBER[path]}"


def switch(topology: Topology, site: Site, zone: str) -> str:
    prefix = f"{site.name}-" if len(topology.on_premises) > 1 else ""
    return f"{prefix}sw-{zone}"


def _circuit_prefix(topology: Topology, circuit: ExpressRouteCircuit) -> str:
    return f"{circuit.name}-" if len(topology.express_route_circuits) > 1 else ""
