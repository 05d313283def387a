"""The way of IKE and ESP between a router and the namespaces of its tunnels, the same for both data planes.

The router has the outer address as well, for everything but IKE and ESP. What it gets of those from
the tunnel's peer, and nothing else, it hands on into the tunnel's namespace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Interface, IPv4Network

from lab.plan.addresses import host
from lab.plan.render.clamp import render_clamp
from lab.plan.tunnels import TunnelEnd
from lab.runtime import netns, nft
from lab.runtime.dataplane import Place, routes_into
from lab.runtime.netlink import Router
from lab.runtime.netns import NetworkNamespace

OUTER_PORT = "eth0"
ROUTER = IPv4Interface("169.254.0.1/32")
"""The router towards every tunnel namespace; each has but one router."""
EVERYWHERE = IPv4Network("0.0.0.0/0")

IKE_PORTS = (500, 4500)
FIRST_TABLE = 1000
LAST_RESORT = 4_000_000
"""Metric of the blackhole behind a tunnel's routes: what belongs into a tunnel that is down must not
leave by the default route, unencrypted."""
STEERING, LOCAL = 10, 20
"""Priorities of rules: local addresses come after what is steered into tunnels."""


RULES = "rules of a tunnel"
REFUSE = """\
table inet mseelab-tunnels {
    chain input {
        type filter hook input priority filter; policy accept;
        udp dport 500 @th,208,16 & 0xff20 == 0x2200 counter drop
        udp dport 500 @th,208,8 == 0x02 @th,128,64 == 0 counter drop
    }
}
"""
"""No word to who begins: IKE_SA_INIT is exchange 34, and no response (RFC 7296 section 3.1); a main mode
is exchange 2, and its first message knows no cookie of ours (RFC 2408 section 3.1)."""


def places(ends: tuple[TunnelEnd, ...], namespaces: Mapping[str, NetworkNamespace]) -> list[Place]:
    """Where each end is to stand, by the namespaces of the routers and the ends' own."""
    numbers: Counter[str] = Counter()
    found = []
    for end in ends:
        own, router = namespaces[end.own_namespace], namespaces[end.namespace]
        found.append(Place(end, own, router, numbers[end.namespace], _selected(end, ends)))
        numbers[end.namespace] += 1
    return found


def steer(router: NetworkNamespace, own: Sequence[Place]) -> None:
    """IKE and ESP for the ends at this router go their own ways. Raises BackendError."""
    with Router(router) as link:
        link.defer_local_addresses(LOCAL)
        for place in own:
            end, table = place.end, FIRST_TABLE + place.number
            for prefix, metric in routes_into(end):
                link.set_route(prefix, (), metric=LAST_RESORT + metric)
            for udp in IKE_PORTS:
                link.steer_udp(end.remote_address, end.local_address, udp, table, priority=STEERING)
            link.steer_esp(end.remote_address, end.local_address, table, priority=STEERING)
    nft.load(router, render_clamp([place.end for place in own]), RULES)


def connect(place: Place) -> None:
    """The end's namespace, in which there is nothing yet, and its router have a wire between them; one
    from before is gone. Raises BackendError."""
    end, port = place.end, f"esp{place.number}"
    with Router(place.router) as router:
        router.remove_link(port)
        router.add_veth(port, OUTER_PORT, place.namespace, mtu=1500)
        # Packets of the tunnel come back in with an address that is the router's as well.
        netns.set_interface(place.router, port, "accept_local", "1")
        router.add_address(port, ROUTER)
        router.change_link(port, state="up")
        router.set_route(EVERYWHERE, (), port, table=FIRST_TABLE + place.number)
    with Router(place.namespace) as inside:
        inside.change_link("lo", state="up")
        inside.add_address(OUTER_PORT, host(end.local_address))
        inside.change_link(OUTER_PORT, state="up")
        inside.set_route(EVERYWHERE, (ROUTER.ip,), OUTER_PORT, onlink=True)
        for network in place.selected:
            inside.add_address("lo", host(network.network_address))
    if not end.answers:
        nft.load(place.namespace, REFUSE, RULES)


def _selected(end: TunnelEnd, ends: tuple[TunnelEnd, ...]) -> tuple[IPv4Network, ...]:
    """The networks of the end's own side that a traffic selector may name."""
    own = (network for child in end.children for network in child.local)
    asked = (
        network
        for far in ends
        if far.name == end.name and far is not end
        for child in far.children
        for network in child.remote
    )
    return tuple(network for network in dict.fromkeys((*own, *asked)) if network != EVERYWHERE)
