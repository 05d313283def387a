"""Lost packets as an nftables ruleset: of one namespace, whole.

Where packets come in, before anything else sees them but a capture: at the hook of the device
(netdev family), so that it holds for a bridge's ports too. A tunnel's device comes and goes with its
daemon, and with it a hook; there the hook before routing is taken, which goes by the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.fault.effects import Lost, Packets, Protocol

TABLE = "mseelab-faults"

BEFORE_ALL = -500

NEIGHBOR_DISCOVERY = (
    "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect"
)
"""RFC 4861; without it there is no IPv6 at all."""

MARKER = "@th,64,32"
"""The first 32 bits after the UDP header: zero before IKE on port 4500, else ESP's SPI (RFC 3948
section 2); a keepalive is a single byte."""
SHORTEST_ESP = 12
"""A UDP header and an SPI, in bytes."""


def render_losses(losses: Iterable[Lost]) -> str:
    """Text for ``nft -f``; loading it takes the place of what was there, and leaves nothing for none."""
    known = list(losses)
    devices: dict[str, list[Lost]] = {}
    for loss in known:
        if not loss.tunnel:
            devices.setdefault(loss.interface.ifname, []).append(loss)
    lines = [f"{verb} table {family} {TABLE}" for family in ("netdev", "inet") for verb in ("add", "delete")]
    lines += _table("netdev", (_device(number, *each) for number, each in enumerate(devices.items())))
    lines += _table("inet", _tunnels([loss for loss in known if loss.tunnel]))
    return "\n".join(lines) + "\n"


def _table(family: str, chains: Iterable[list[str]]) -> Iterator[str]:
    inside = [f"    {line}" for chain in chains for line in chain]
    if inside:
        yield from [f"table {family} {TABLE} {{", *inside, "}"]


def _device(number: int, ifname: str, losses: list[Lost]) -> list[str]:
    hook = f'type filter hook ingress device "{ifname}" priority {BEFORE_ALL}; policy accept;'
    rules = [rule for loss in losses for rule in _rules("", loss.packets)]
    return [f"chain device{number} {{", f"    {hook}", *(f"    {rule}" for rule in rules), "}"]


def _tunnels(losses: list[Lost]) -> Iterator[list[str]]:
    if losses:
        hook = f"type filter hook prerouting priority {BEFORE_ALL}; policy accept;"
        rules = [
            rule for loss in losses for rule in _rules(f'iifname "{loss.interface.ifname}" ', loss.packets)
        ]
        yield ["chain tunnels {", f"    {hook}", *(f"    {rule}" for rule in rules), "}"]


def _rules(condition: str, packets: Packets) -> Iterator[str]:
    for match in _matches(packets):
        yield f"{condition}{match}{' ' if match else ''}counter drop"


def _matches(packets: Packets) -> Iterator[str]:
    """One for each way in which a packet may be meant."""
    if packets.longer_than is not None:
        yield f"meta protocol {{ ip, ip6 }} meta length > {packets.longer_than}"
        return
    match packets.protocol:
        case None:
            yield ""
        case Protocol.IKE:
            yield from _of_port("udp", 500)
            yield from (f"{match} {MARKER} 0x0" for match in _of_port("udp", 4500))
        case Protocol.ESP:
            yield "meta l4proto esp"
            for match in _of_port("udp", 4500):
                yield f"{match} udp length > {SHORTEST_ESP} {MARKER} != 0x0"
        case Protocol.BGP:
            yield from _of_port("tcp", 179)
        case Protocol.ICMP:
            yield "meta l4proto icmp"
            yield f"icmpv6 type != {{ {NEIGHBOR_DISCOVERY} }}"
        case Protocol.UDP | Protocol.TCP as protocol:
            yield from _of_port(protocol.value, packets.port)


def _of_port(protocol: str, port: int | None) -> Iterator[str]:
    """At either end, so that both directions of a connection are meant."""
    if port is None:
        yield f"meta l4proto {protocol}"
    else:
        yield f"{protocol} sport {port}"
        yield f"{protocol} dport {port}"
