"""The kernel's tables in the network namespace of this process, ready for JSON."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from socket import AF_INET, AF_INET6
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

Json = dict[str, Any]

FAMILIES = {AF_INET: "ipv4", AF_INET6: "ipv6"}
DEFAULT = {AF_INET: "0.0.0.0/0", AF_INET6: "::/0"}

MAIN_TABLE = 254
ROUTE_TYPES = {1: "unicast", 2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
"""RTN_* of linux/rtnetlink.h; the other types are not in the main table, nor is ``local``, but a
lookup may end there."""
FIB_MATCH = 0x2000
"""RTM_F_FIB_MATCH: the entry a lookup ends in, with all of its next hops."""
REFUSALS = {errno.EINVAL: "blackhole", errno.EACCES: "prohibit"}
"""How a lookup ends at routes of these types."""

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
UNRESOLVED = frozenset({"incomplete", "failed"})
"""Somebody was asked for and did not answer."""

NTF_USE = 0x1
IFF_UP, IFF_NOARP, IFF_LOWER_UP = 0x1, 0x80, 0x10000


def main_table() -> list[Json]:
    """The FIB: IPv4 first, each family by prefix."""
    with IPRoute() as ipr:
        names = _interface_names(ipr)
        routes = [route for family in FAMILIES for route in ipr.get_routes(family=family, table=MAIN_TABLE)]
    return [_route(route, names) for route in sorted(routes, key=_in_order)]


def lookup(destination: str) -> Json:
    """The entry that packets to the address take, as in ``main_table``; only its type where they
    are thrown away, ``unreachable`` where there is none."""
    with IPRoute() as ipr:
        try:
            found = ipr.route("get", dst=destination, flags=FIB_MATCH)
        except NetlinkError as error:
            return {"type": REFUSALS.get(error.code, "unreachable"), "next_hops": []}
        return _route(found[0], _interface_names(ipr))


def passed_over(destination: str) -> Json | None:
    """The route to an address that a lookup finds none to: there is one, through an interface without
    carrier (``ignore_routes_with_linkdown`` in the kernel's ip-sysctl.rst)."""
    matching = [route for route in main_table() if _covers(route["prefix"], destination)]
    longest = max(matching, key=lambda route: ip_network(route["prefix"]).prefixlen, default=None)
    return longest if longest is not None and longest["type"] == "unicast" else None


def links() -> dict[str, Json]:
    """Each interface: whether it is set up, whether the other end is there and up, whether it has
    link-layer addresses to be asked for, its MTU in bytes."""
    with IPRoute() as ipr:
        return {
            link.get_attr("IFLA_IFNAME"): {
                "up": bool(link["flags"] & IFF_UP),
                "carrier": bool(link["flags"] & IFF_LOWER_UP),
                "resolves": not link["flags"] & IFF_NOARP,
                "mtu": link.get_attr("IFLA_MTU"),
            }
            for link in ipr.get_links()
        }


def ask_for(address: str, interface: str) -> None:
    """Let the kernel find out the link-layer address, as if it had a packet for it."""
    with IPRoute() as ipr:
        index = ipr.link_lookup(ifname=interface)[0]
        ipr.neigh("replace", dst=address, ifindex=index, flags=NTF_USE, state=0)


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


def _covers(prefix: str, destination: str) -> bool:
    network, address = ip_network(prefix), ip_address(destination)
    return network.version == address.version and address in network


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
