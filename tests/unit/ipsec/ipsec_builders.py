"""Tunnel ends for tests of what charon is told and says."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from tunnel_ends import END

from lab.plan.tunnels import Certificate, Certificates, Initiation, Proposals

KEY = "th1s.must+stay&here"
AZURE = replace(
    END,
    local_address=ip_address("192.0.2.1"),
    remote_address=ip_address("198.51.100.1"),
    shared_key=KEY,
    initiation=Initiation.PATIENT,
    child_lifetime=27000,
    child_bytes=104857600000,
)
ONLY = Proposals(("aes256-sha256-ecp384",), ("aes256gcm16",))
CUSTOM = replace(AZURE, offered=ONLY, accepted=ONLY)
CERTIFIED = replace(
    CUSTOM,
    shared_key=None,
    certificates=Certificates(Certificate("gw", "lab-root"), "vpn1", ("lab-root", "other")),
)
