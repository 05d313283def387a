"""Tunnel ends for tests of what charon is told and says."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from lab.plan.proposals import AZURE_ACCEPTS, AZURE_OFFERS
from lab.plan.tunnels import Certificate, Certificates, Child, Initiation, Proposals, TunnelEnd

KEY = "th1s.must+stay&here"
AZURE = TunnelEnd(
    name="c-0",
    namespace="gw-0",
    ifname="vpn1",
    peer="vpn1",
    local_address=ip_address("192.0.2.1"),
    remote_address=ip_address("198.51.100.1"),
    inner_address=ip_address("10.2.0.4"),
    inner_peer_address=ip_address("172.16.0.3"),
    shared_key=KEY,
    offered=AZURE_OFFERS,
    accepted=AZURE_ACCEPTS,
    children=(Child("any"),),
    takes_any_selectors=True,
    initiation=Initiation.PATIENT,
    answers=True,
    dpd_timeout=45,
    ike_lifetime=28800,
    child_lifetime=27000,
    child_bytes=104857600000,
    routes=(),
    metric=0,
    mtu=1400,
    mss=1350,
)
ONLY = Proposals(("aes256-sha256-ecp384",), ("aes256gcm16",))
CUSTOM = replace(AZURE, offered=ONLY, accepted=ONLY)
CERTIFIED = replace(
    CUSTOM,
    shared_key=None,
    certificates=Certificates(Certificate("gw", "lab-root"), "vpn1", ("lab-root", "other")),
)
