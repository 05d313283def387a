"""The kernel's tables in the network namespace of this process, ready for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from socket import AF_INET, AF_INET6
from typing import Any

from pyroute2 import IPRoute

Json = dict[str, Any]

FAMILIES = {AF_INET: "ipv4", AF_INET6: "ipv6"}
DEFAULT = {AF_INET: "0.0.0.0/0", AF_INET6: "::/0"}

MAIN_TABLE = 254
ROUTE_TYPES = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
"""RTN_* of linux/rtnetlink.h; the other types are not in the main table."""

PROTOCOLS = {1: "redirect", 2: "kernel", 3: "boot", 4: "static", 9: "ra", 201: "bgp (mseelab)"}
"""RTPROT_* of linux/rtnetlink.h, and our speakers' own."""

NEIGHBOR_STATES = {
    0x01: "incomplete",
    0x02: "reachable",
    0x04: "stale",
    0x08: "delay",
    0x10: "probe",
    0x20: "failed",
    0x40: "noarp",
    0x80: "permanent",
}
"""NUD_* of linux/neighbour.h."""
NOARP = 0x40


def main_table() -> list[Json]:
    """The FIB: IPv4 first, each family by prefix."""
    with IPRoute() as ipr:
        names = _interface_names(ipr)
        routes = [route for family in FAMILIES for route in ipr.get_routes(family=family, table=MAIN_TABLE)]
    return [_route(route, names) for route in sorted(routes, key=_in_order)]


def neighbors() -> list[Json]:
    """Who answered to ARP and neighbour discovery, and who did not."""
    with IPRoute() as ipr:
        names = _interface_names(ipr)
        return [
            {
                "address": entry.get_attr("NDA_DST"),
                "mac": entry.get_attr("NDA_LLADDR"),
                "interface": names.get(entry["ifindex"]),
                "state": NEIGHBOR_STATES.get(entry["state"], str(entry["state"])),
                "family": FAMILIES[entry["family"]],
            }
            for entry in ipr.get_neighbours()
            if entry["family"] in FAMILIES and entry["state"] & ~NOARP
        ]


def _interface_names(ipr: IPRoute) -> dict[int, str]:
    return {link["index"]: link.get_attr("IFLA_IFNAME") for link in ipr.get_links()}


def _in_order(route: Any) -> tuple[int, bytes, int]:
    prefix = ip_network(_prefix(route))
    return route["family"], prefix.network_address.packed, prefix.prefixlen


def _prefix(route: Any) -> str:
    destination = route.get_attr("RTA_DST")
    return f"{destination}/{route['dst_len']}" if destination else DEFAULT[route["family"]]


def _route(route: Any, names: dict[int, str]) -> Json:
    return {
        "prefix": _prefix(route),
        "family": FAMILIES[route["family"]],
        "type": ROUTE_TYPES.get(route["type"], str(route["type"])),
        "protocol": PROTOCOLS.get(route["proto"], str(route["proto"])),
        "metric": route.get_attr("RTA_PRIORITY") or 0,
        "next_hops": list(_next_hops(route, names)),
    }


def _next_hops(route: Any, names: dict[int, str]) -> Iterator[Json]:
    """``gateway`` None: on the interface itself. A blackhole has no next hop at all."""
    several = route.get_attr("RTA_MULTIPATH")
    for hop in several or [route]:
        index = hop["oif"] if several else hop.get_attr("RTA_OIF")
        if index is None:
            continue
        yield {
            "gateway": hop.get_attr("RTA_GATEWAY") or _via(hop),
            "interface": names.get(index),
            "weight": hop["hops"] + 1 if several else 1,
        }


def _via(hop: Any) -> str | None:
    """An IPv4 route may have an IPv6 next hop (RFC 5549)."""
    via = hop.get_attr("RTA_VIA")
    return via["addr"] if via else None
