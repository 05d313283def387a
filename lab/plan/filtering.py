"""What the packet filters of a plan do to a packet, without asking a kernel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.bgp.route import Address
from lab.plan.types import FilterAction, FilterRule, PacketFilter


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A packet on its way through a node. ``destination_port`` is for TCP and UDP. ``known``: it
    belongs to a connection whose first packet passed here."""

    in_interface: str
    out_interface: str
    source: Address
    destination: Address
    protocol: str
    destination_port: int | None = None
    known: bool = False


def refusal(filters: Iterable[PacketFilter], packet: Forwarded) -> str | None:
    """The words of the rule that drops the packet; None when all filters let it pass."""
    for packet_filter in filters:
        rule = next((rule for rule in packet_filter.rules if _holds(rule, packet)), None)
        if (rule.action if rule else packet_filter.default) is FilterAction.DROP:
            return f"rule {rule.comment!r}" if rule else "no rule allows it"
    return None


def _holds(rule: FilterRule, packet: Forwarded) -> bool:
    """All conditions of the rule; what is empty is none."""
    return (
        packet.in_interface in (rule.in_interfaces or (packet.in_interface,))
        and packet.out_interface in (rule.out_interfaces or (packet.out_interface,))
        and (not rule.sources or any(packet.source in prefix for prefix in rule.sources))
        and (not rule.destinations or any(packet.destination in prefix for prefix in rule.destinations))
        and rule.protocol in (None, packet.protocol)
        and _port_fits(rule, packet)
        and (packet.known or not rule.established)
    )


def _port_fits(rule: FilterRule, packet: Forwarded) -> bool:
    if not rule.destination_ports:
        return True
    port = packet.destination_port
    return port is not None and any(low <= port <= high for low, high in rule.destination_ports)
