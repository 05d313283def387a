"""Who has which address on a leg (learn.microsoft.com, expressroute-routing).

On a peering's link the customer's side takes the first usable address and the MSEE the second.
With a layer 3 provider that customer's side is the provider's edge, and between it and the
customer's router lies another link, where the router comes first again.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.bgp.route import Prefix
from lab.plan.addresses import usable
from lab.plan.errors import PlanError
from lab.plan.legs import Attached, Leg
from lab.plan.types import Interface


def customer_end(prefix: Prefix) -> Interface:
    return usable(prefix, 1)


def microsoft_end(prefix: Prefix) -> Interface:
    return usable(prefix, 2)


def access_prefixes(leg: Leg, attached: Attached) -> tuple[Prefix, ...]:
    """The networks of the link at the customer's router."""
    if not leg.is_routed:
        return leg.prefixes
    prefix = attached.attachment.provider_address_prefix
    if prefix is None:
        raise PlanError(
            f"{attached.router.name} attaches to {leg.circuit.name}, whose provider is layer 3, "
            "without provider_address_prefix",
            hint="give the /30 between the router and the provider edge",
        )
    return (prefix,)


def router_ends(leg: Leg, attached: Attached) -> Iterator[Interface]:
    """The customer router's addresses; one given in the attachment replaces its IP version's."""
    given = attached.attachment.address
    for prefix in access_prefixes(leg, attached):
        if given is not None and given.version == prefix.version:
            yield given
        else:
            yield usable(prefix, 1)


def far_end(leg: Leg, ours: Interface) -> Interface | None:
    """Whom the customer's router, with this address on the link, takes for the MSEE.

    A router that has the MSEE's address looks for its peer at the other usable one: the two sides
    are swapped, nobody answers there, and there is neither ARP nor BGP.
    """
    for prefix in leg.prefixes:
        if prefix.version == ours.version:
            microsoft = microsoft_end(prefix)
            return customer_end(prefix) if ours.ip == microsoft.ip else microsoft
    return None
