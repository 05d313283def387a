"""Frames as a tap hands them over, and a plan with one wire to see them on."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from lab.plan.types import AddressAssignment, Endpoint, Namespace, Plan, Wire
from lab.probe.capture import Captured
from lab.probe.pcapng import LINKTYPE_ETHERNET, Packet

TOKEN = bytes(range(8))
MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}

PLAN = Plan(
    "two",
    namespaces=(Namespace("left"), Namespace("switch"), Namespace("right")),
    wires=(
        Wire("left--switch", Endpoint("left", "eth0"), Endpoint("switch", "left")),
        Wire("switch--right", Endpoint("switch", "right"), Endpoint("right", "eth0")),
        Wire("left--right", Endpoint("left", "trunk"), Endpoint("right", "trunk"), trunk=True),
    ),
    addresses=(
        AddressAssignment("left", "eth0", ip_interface("10.0.0.1/24")),
        AddressAssignment("right", "eth0", ip_interface("10.0.0.2/24")),
        AddressAssignment("right", "lo", ip_interface("fd00::2/128")),
    ),
)


def ethernet(*tags: int) -> Any:
    """A header, with these tags around what follows, outer first."""
    frame = Ether(**MACS)
    for tag in tags:
        frame = frame / Dot1Q(vlan=tag)
    return frame


def vxlan(vni: int, number: int = 3) -> Any:
    """The headers that stand for tags on trunk ``number`` where the kernel has no VLANs."""
    underlay = IP(src=f"169.254.0.{2 * number}", dst=f"169.254.0.{2 * number + 1}")
    return Ether(**MACS) / underlay / UDP(sport=40000, dport=14789 + number) / VXLAN(vni=vni) / Ether(**MACS)


def captured(frame: bytes, ifname: str = "eth0", *, outbound: bool = False, to_us: bool = True) -> Captured:
    return Captured(Packet(0, frame, outbound), ifname, LINKTYPE_ETHERNET, to_us and not outbound)
