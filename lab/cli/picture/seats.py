"""Which column and which frame a card belongs to.

Columns follow a packet from a host on premises to a virtual machine in Azure. A *cell* is
a set of cards with a frame of its own: a zone, a circuit's provider, a peering location,
a virtual network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.cli.picture.facts import Card
from lab.plan.types import Role

Cell = tuple[str, ...]

ON_PREMISES = "on-premises"
SITE_EDGE = "site-edge"
BORDER = "border"
PROVIDER = "provider"
MICROSOFT = "microsoft"
MICROSOFT_EDGE = "microsoft-edge"
AZURE = "azure"
SPOKE = "spoke"

ZONE_RANKS = range(0, 4)
SITE_EDGE_RANK = 4
PROVIDER_RANK = 5
MICROSOFT_RANK = 6
VNET_RANKS = range(7, 9)
SPOKE_RANKS = range(9, 11)

_RANKS: dict[Role, int] = {
    Role.HOST: 0,
    Role.VPN_DEVICE: 0,
    Role.ROUTER: 1,
    Role.SWITCH: 2,
    Role.FIREWALL: 2,
    Role.EDGE_ROUTER: 3,
    Role.PROVIDER_EDGE: PROVIDER_RANK,
    Role.MSEE: MICROSOFT_RANK,
    Role.MICROSOFT_EDGE: MICROSOFT_RANK,
    Role.ER_GATEWAY: 7,
    Role.VPN_GATEWAY: 7,
    Role.VNET: 8,
    Role.VM: 8,
    Role.VIRTUAL_APPLIANCE: 8,
}
_GATEWAYS = {Role.ER_GATEWAY, Role.VPN_GATEWAY}
_SPOKE_RANKS = {Role.VNET: 9, Role.VM: 10, Role.VIRTUAL_APPLIANCE: 10}
"""A spoke is low and wide, so that many of them make a short stack."""


@dataclass(frozen=True, slots=True)
class Seat:
    cell: Cell
    rank: int


def take_seats(cards: Sequence[Card]) -> dict[str, Seat]:
    """A seat for every card, by node name."""
    hubs = {card.node.group for card in cards if card.node.role in _GATEWAYS}
    zones: dict[str, set[str]] = {}
    for card in cards:
        _, *where = _group(card)
        if _RANKS[card.node.role] in ZONE_RANKS and card.node.role is not Role.FIREWALL and len(where) > 1:
            zones.setdefault(where[0], set()).add(where[1])
    return {card.node.name: _seat(card, hubs, zones) for card in cards}


def _seat(card: Card, hubs: set[tuple[str, ...]], zones: dict[str, set[str]]) -> Seat:
    rank = _RANKS[card.node.role]
    place, *where = _group(card)
    if rank == PROVIDER_RANK:
        return Seat((PROVIDER, *where), rank)
    if card.node.role is Role.MICROSOFT_EDGE:
        return Seat((MICROSOFT_EDGE,), rank)
    if rank == MICROSOFT_RANK:
        return Seat((MICROSOFT, *where), rank)
    if rank in VNET_RANKS:
        hub = card.node.group in hubs or not hubs
        return Seat((AZURE, *where), rank) if hub else Seat((SPOKE, *where), _SPOKE_RANKS[card.node.role])
    return _seat_on_premises(card.node.role, rank, where, zones)


def _seat_on_premises(role: Role, rank: int, where: list[str], zones: dict[str, set[str]]) -> Seat:
    site = where[0] if where else ""
    if role is Role.FIREWALL and len(zones.get(site, ())) > 1:
        return Seat((BORDER, site), rank)
    if role is Role.EDGE_ROUTER and len(where) < 2:
        return Seat((SITE_EDGE, site), SITE_EDGE_RANK)
    return Seat((ON_PREMISES, site, where[1] if len(where) > 1 else ""), rank)


def _group(card: Card) -> tuple[str, ...]:
    return card.node.group or (ON_PREMISES,)
