"""One end of a tunnel for tests of data planes, and which of those are here."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from lab.plan.proposals import AZURE_ACCEPTS, AZURE_OFFERS
from lab.plan.tunnels import Child, Initiation, TunnelEnd
from lab.runtime.capability import obstacles_here
from lab.runtime.dataplane import DataPlane
from lab.runtime.isolation import run_isolated

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


def skip_without(plane: DataPlane) -> None:
    obstacle = run_isolated(obstacles_here)[plane.name]
    if obstacle is not None:
        pytest.skip(f"no {plane.name} data plane here: {obstacle}")
