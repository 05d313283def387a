"""One end of a tunnel, for tests of whatever takes one; ``dataclasses.replace`` makes others of it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from lab.plan.proposals import AZURE_ACCEPTS, AZURE_OFFERS
from lab.plan.tunnels import Child, Initiation, TunnelEnd

END = TunnelEnd(
    name="t",
    namespace="device",
    ifname="to-azure",
    peer="gateway",
    local_address=IPv4Address("203.0.113.1"),
    remote_address=IPv4Address("203.0.113.2"),
    inner_address=IPv4Address("172.16.0.3"),
    inner_peer_address=IPv4Address("10.2.0.228"),
    shared_key="k",
    offered=AZURE_OFFERS,
    accepted=AZURE_ACCEPTS,
    children=(Child("any"),),
    takes_any_selectors=True,
    initiation=Initiation.AT_ONCE,
    answers=True,
    dpd_timeout=45,
    ike_lifetime=28800,
    child_lifetime=3600,
    child_bytes=1 << 40,
    routes=(IPv4Network("10.8.0.0/16"),),
    metric=5,
    mtu=1400,
    mss=1350,
)
