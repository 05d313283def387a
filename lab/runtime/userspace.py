"""The userspace data plane: ESP in charon, around a TUN device that stands in the router.

For kernels without ESP and for users without root. Every tunnel end has a charon of its own, in a
small namespace of its own that holds the outer address: two tunnels with any to any selectors would
collide in one. charon makes a TUN device there and keeps its descriptor; the device is moved to the
router, which sees a route-based tunnel. ESP is always inside UDP port 4500 (RFC 3948), because
charon cannot send it otherwise.

The router has the outer address as well, for everything but IKE and ESP. What it gets of those from
the tunnel's peer, and nothing else, it hands on into the tunnel's namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network

from lab.bgp.route import Prefix
from lab.errors import BackendError
from lab.plan.addresses import host
from lab.plan.render.clamp import render_clamp
from lab.plan.tunnels import TunnelEnd
from lab.runtime import carrier, netns
from lab.runtime.netlink import Router
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import run_in

NAME = "userspace"

TUN = "ipsec0"
"""What the kernel-libipsec plugin calls its device."""
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


REFUSE = """\
table inet mseelab-tunnels {
    chain input {
        type filter hook input priority filter; policy accept;
        udp dport 500 @th,208,16 & 0xff20 == 0x2200 counter drop
    }
}
"""
"""No word to who begins: IKE_SA_INIT is exchange 34, and no response (RFC 7296 section 3.1)."""


@dataclass(frozen=True)
class Place:
    """Where a tunnel end's charon runs, and the router its device goes to."""

    end: TunnelEnd
    namespace: NetworkNamespace
    router: NetworkNamespace


def prepare(ends: tuple[TunnelEnd, ...], namespaces: dict[str, NetworkNamespace]) -> list[Place]:
    """A namespace per end, wired to its router. Raises BackendError."""
    places = []
    for router in dict.fromkeys(end.namespace for end in ends):
        own = tuple(end for end in ends if end.namespace == router)
        with Router(namespaces[router]) as link:
            link.defer_local_addresses(LOCAL)
            for number, end in enumerate(own):
                places.append(_place(end, number, link))
        _load(namespaces[router], render_clamp(own))
    return places


def _place(end: TunnelEnd, number: int, router: Router) -> Place:
    namespace = netns.create(f"{end.namespace}~{end.peer}", forwarding=False)
    port = f"esp{number}"
    router.add_veth(port, OUTER_PORT, namespace, mtu=1500)
    # Packets of the tunnel come back in with an address that is the router's as well.
    netns.set_interface(router.namespace, port, "accept_local", "1")
    router.add_address(port, ROUTER)
    router.change_link(port, state="up")
    for prefix, metric in _routes(end):
        router.set_route(prefix, (), metric=LAST_RESORT + metric)
    table = FIRST_TABLE + number
    router.set_route(EVERYWHERE, (), port, table=table)
    for udp in IKE_PORTS:
        router.steer_udp(end.remote_address, end.local_address, udp, table, priority=STEERING)
    with Router(namespace) as inside:
        inside.change_link("lo", state="up")
        inside.add_address(OUTER_PORT, host(end.local_address))
        inside.change_link(OUTER_PORT, state="up")
        inside.set_route(EVERYWHERE, (ROUTER.ip,), OUTER_PORT, onlink=True)
    if not end.answers:
        _load(namespace, REFUSE)
    return Place(end, namespace, router.namespace)


def _routes(end: TunnelEnd) -> tuple[tuple[Prefix, int], ...]:
    """The way to the BGP peer, and what else leads into the tunnel, with their metrics."""
    peer = () if end.inner_peer_address is None else ((host(end.inner_peer_address).network, 0),)
    return (*peer, *((prefix, end.metric) for prefix in end.routes))


def _load(namespace: NetworkNamespace, rules: str) -> None:
    result = run_in(namespace, ["nft", "-f", "-"], stdin=rules)
    if result.returncode != 0:
        raise BackendError(f"{namespace.name}: nft refused the rules of a tunnel: {result.output.strip()}")


def make_room(place: Place) -> None:
    """For the device of a new charon, where there was one before. Raises BackendError."""
    with Router(place.namespace) as inside:
        inside.remove_stand_in(TUN)


def adopt(place: Place) -> None:
    """Move charon's device to the router under the tunnel's name, without carrier. Raises BackendError.

    The plugin refuses an association when it cannot route into a device of that name, so an empty
    bridge takes its place.
    """
    end = place.end
    with Router(place.namespace) as inside:
        inside.give_away(TUN, place.router, end.ifname)
        inside.add_stand_in(TUN)
    netns.set_interface(place.router, end.ifname, "ignore_routes_with_linkdown", "1")
    with Router(place.router) as router:
        # Never up and with carrier before its routes are there: a speaker would write its own at once.
        router.change_link(end.ifname, mtu=end.mtu)
        carrier.set_carrier(place.router, end.ifname, up=False)
        router.change_link(end.ifname, state="up")
        for prefix, metric in _routes(end):
            router.set_route(prefix, (), end.ifname, source=end.inner_address, metric=metric)


def carry(place: Place, *, up: bool) -> None:
    """Whether the tunnel carries packets: without carrier its routes count for nothing, and with it they
    are all there again. Raises BackendError."""
    carrier.set_carrier(place.router, place.end.ifname, up=up)
