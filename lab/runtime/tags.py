"""Tagged sub-interfaces on a trunk: 802.1Q where the kernel has it, VXLAN where not.

With VXLAN (RFC 7348) the network identifier is the pair of tags, ``s_tag << 12 | c_tag``:
24 bits, exactly as many as two VLAN IDs. The two ends of a trunk get link-local addresses
of its own to carry it, and a UDP port of its own so that equal tags on two trunks of one
node stay apart. The mechanism is chosen once per lab (``capability.py``).

A sub-interface is made in its port's namespace for another one at once (IFLA_NET_NS_FD):
moving it there later would cost the kernel ten milliseconds each.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import Protocol

from lab.plan.types import Endpoint, SubInterface, Wire
from lab.runtime.netlink import Router, hardware_address
from lab.runtime.netns import NetworkNamespace

FIRST_PORT = 14789
"""Trunks count from here. Not RFC 7348's 4789: its neighbours are other protocols' ports."""
UNDERLAY = IPv4Address("169.254.0.0")
DOT1Q = 0x8100
"""ExpressRoute Direct uses ethertype 0x8100 for both tags (learn.microsoft.com,
expressroute-erdirect-about)."""
LOOSE_BINDING = 0x4
"""VLAN_FLAG_LOOSE_BINDING (linux/if_vlan.h)."""


class Tagging(Protocol):
    """How sub-interfaces are made; ``prepare`` is called for each trunk wire when it has been laid.

    ``follows_port``: a sub-interface loses its carrier when its port does.
    """

    name: str
    follows_port: bool

    def prepare(self, trunk: Trunk, routers: dict[str, Router]) -> None: ...

    def add(self, sub: SubInterface, trunk: Trunk, router: Router, target: NetworkNamespace) -> None: ...


@dataclass(frozen=True)
class Trunk:
    """A trunk wire and its number in the plan."""

    wire: Wire
    number: int

    def underlay(self, namespace: str, ifname: str) -> IPv4Interface:
        """This end's address of the trunk's /31 (VXLAN only)."""
        is_a = (self.wire.a.namespace, self.wire.a.ifname) == (namespace, ifname)
        return IPv4Interface((UNDERLAY + 2 * self.number + (0 if is_a else 1), 31))


class VlanTagging:
    """802.1Q sub-interfaces; with an S-tag, a second one on top (QinQ).

    Bound loosely: a port that is set down takes its traffic with it, but not the IPv6
    addresses and the routes of its sub-interfaces, which nobody would bring back when it is
    set up again. VXLAN interfaces are like that anyway. A port without carrier takes the
    carrier of its sub-interfaces either way.
    """

    name = "802.1Q"
    follows_port = True

    def __init__(self) -> None:
        self._outer: dict[tuple[str, str, int], str] = {}

    def prepare(self, trunk: Trunk, routers: dict[str, Router]) -> None:
        """Tags need no underlay; a wire that was laid anew has lost its outer interfaces."""
        ports = {(end.namespace, end.ifname) for end in (trunk.wire.a, trunk.wire.b)}
        self._outer = {key: outer for key, outer in self._outer.items() if key[:2] not in ports}

    def add(self, sub: SubInterface, trunk: Trunk, router: Router, target: NetworkNamespace) -> None:
        parent = sub.port.ifname
        if sub.s_tag is not None:
            parent = self._outer_interface(sub.port, sub.s_tag, router)
        details = _vlan(router, parent, sub.c_tag)
        router.add_link(sub.ifname, "vlan", net_ns_fd=target.fd, mtu=sub.mtu, **details)

    def _outer_interface(self, port: Endpoint, s_tag: int, router: Router) -> str:
        """The interface of the outer tag, made for the first peering that needs it.

        ``s8``, or ``s8.2`` for the same tag on the node's second port.
        """
        key = (port.namespace, port.ifname, s_tag)
        if key not in self._outer:
            others = sum(namespace == port.namespace and tag == s_tag for namespace, _, tag in self._outer)
            outer = f"s{s_tag}.{others + 1}" if others else f"s{s_tag}"
            router.add_link(outer, "vlan", **_vlan(router, port.ifname, s_tag))
            router.change_link(outer, state="up")
            self._outer[key] = outer
        return self._outer[key]


def _vlan(router: Router, parent: str, tag: int) -> dict[str, object]:
    return {
        "link": router.index(parent),
        "vlan_id": tag,
        "vlan_protocol": DOT1Q,
        "vlan_flags": {"flags": LOOSE_BINDING, "mask": LOOSE_BINDING},
    }


class VxlanTagging:
    """One VXLAN interface per tag over the trunk."""

    name = "VXLAN"
    follows_port = False

    def prepare(self, trunk: Trunk, routers: dict[str, Router]) -> None:
        for end in (trunk.wire.a, trunk.wire.b):
            routers[end.namespace].add_address(end.ifname, trunk.underlay(end.namespace, end.ifname))

    def add(self, sub: SubInterface, trunk: Trunk, router: Router, target: NetworkNamespace) -> None:
        own = trunk.underlay(sub.port.namespace, sub.port.ifname).ip
        far = IPv4Address(int(own) ^ 1)
        router.add_link(
            sub.ifname,
            "vxlan",
            net_ns_fd=target.fd,
            mtu=sub.mtu,
            address=hardware_address(target.name, sub.ifname),
            vxlan_id=(sub.s_tag or 0) << 12 | sub.c_tag,
            vxlan_local=str(own),
            vxlan_group=str(far),
            vxlan_port=FIRST_PORT + trunk.number,
            vxlan_link=router.index(sub.port.ifname),
            vxlan_learning=False,
        )
