"""A speaker as ExaBGP 5 configuration text: its sessions, and nothing of its routes.

There is no ``process`` section: routes pass between ExaBGP and the agent inside one process.
The agent keeps both Adj-RIBs: ``adj-rib-in`` is off, and ``adj-rib-out`` is on in name only,
because route refresh asks for it, for the agent puts a queue of its own in its place. ExaBGP
sends keepalives every third of the negotiated hold time, whatever ``Timers.keepalive`` says.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from ipaddress import IPv4Address

from lab.bgp.route import Asn
from lab.bgp.speaker import Family, Neighbor, SpeakerConfig

BGP_PORT = 179

_FAMILY = {Family.IPV4: "ipv4 unicast", Family.IPV6: "ipv6 unicast"}

_CAPABILITIES = (
    "asn4 enable",
    "extended-message enable",
    "graceful-restart disable",
    "route-refresh enable",
    "multi-session disable",
    "operational disable",
    "aigp disable",
)


def render_speaker(config: SpeakerConfig) -> str:
    """One ``neighbor`` block per session, in the speaker's order."""
    return "\n".join(
        line
        for neighbor in config.neighbors
        for line in (*_neighbor(config.asn, config.bgp_identifier, neighbor), "")
    )


def _neighbor(asn: Asn, bgp_identifier: IPv4Address, neighbor: Neighbor) -> Iterator[str]:
    yield f"neighbor {neighbor.peer_address} {{"
    for statement in _statements(asn, bgp_identifier, neighbor):
        yield f"    {statement};"
    yield from _block("family", (_FAMILY[neighbor.family],))
    if neighbor.add_path:
        yield from _block("capability", (*_CAPABILITIES, "add-path send/receive"))
        yield from _block("add-path", (_FAMILY[neighbor.family],))
    else:
        yield from _block("capability", _CAPABILITIES)
    yield "}"


def _statements(asn: Asn, bgp_identifier: IPv4Address, neighbor: Neighbor) -> Iterator[str]:
    yield f'description "{neighbor.name}"'
    yield f"router-id {bgp_identifier}"
    yield f"local-address {neighbor.local_address}"
    yield f"local-as {asn}"
    yield f"peer-as {neighbor.peer_asn}"
    yield f"hold-time {neighbor.timers.hold}"
    yield "passive true" if neighbor.passive else "passive false"
    yield f"listen {BGP_PORT}" if neighbor.passive else f"connect {BGP_PORT}"
    if neighbor.ttl is not None:
        yield f"outgoing-ttl {neighbor.ttl}"
    if neighbor.password is not None:
        # A key may hold quotes, spaces, semicolons and backslashes; base64 text holds none.
        yield f'md5-password "{b64encode(neighbor.password.encode()).decode()}"'
        yield "md5-base64 true"
    yield "group-updates true"
    yield "adj-rib-in false"
    yield "adj-rib-out true"


def _block(name: str, statements: tuple[str, ...]) -> Iterator[str]:
    yield f"    {name} {{"
    yield from (f"        {statement};" for statement in statements)
    yield "    }"
