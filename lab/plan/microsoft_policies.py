"""What Microsoft's routers accept and announce (learn.microsoft.com, expressroute-routing)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.bgp.policy import REJECT_ALL, Apply, Match, Policy, PrefixMatch, Rule
from lab.bgp.route import DEFAULT_LOCAL_PREF, LOCAL, Prefix, parse_community
from lab.model.azure import Connection, Region
from lab.model.circuit import ExpressRouteCircuit, RouteFilter, SkuTier
from lab.model.reach import cloud_of, location_of, reach_of, reaches
from lab.plan.communities import azure_region, of_region
from lab.plan.constants import (
    DEFAULT_ROUTES,
    DOCUMENTATION_ASNS,
    LEARNED_WEIGHT,
    OWN_WEIGHT,
    RFC1918,
    UNIQUE_LOCAL,
)
from lab.plan.sessions import both_families

_IGNORE_COMMUNITIES = Apply(remove_communities=True)

PRIVATE_FROM_CUSTOMER = Policy(
    "private-peering-import", (Rule("any-prefix", accept=True, apply=_IGNORE_COMMUNITIES),)
)
"""Any prefix, a default route included; communities the customer set are ignored."""

MICROSOFT_FROM_CUSTOMER = Policy(
    "microsoft-peering-import",
    (
        Rule(
            "no-default-route",
            accept=False,
            match=Match(prefixes=tuple(PrefixMatch(prefix) for prefix in DEFAULT_ROUTES)),
        ),
        Rule(
            "no-private-addresses",
            accept=False,
            match=Match(
                prefixes=tuple(
                    PrefixMatch(prefix, le=prefix.max_prefixlen) for prefix in (*RFC1918, UNIQUE_LOCAL)
                )
            ),
        ),
        Rule("no-documentation-asn", accept=False, match=Match(as_path_contains=(DOCUMENTATION_ASNS,))),
        Rule(
            "public-prefixes",
            accept=True,
            apply=Apply(remove_communities=True, remove_private_as=True),
        ),
    ),
)
"""No default route, no private addresses; private AS numbers are stripped, so they prepend nothing."""


def to_customer(gateways: Iterable[str]) -> Policy:
    """Private peering: what gateways announced, without their AS number, so that the customer
    sees the path 12076 alone."""
    return _from_peers("virtual-networks", "from-gateways", gateways, Apply(remove_private_as=True))


def customers_only(customers: Iterable[str]) -> Policy:
    """Into Microsoft's network only what customers announced: virtual networks do not reach each
    other through a circuit, nor does a route come back to where it came from."""
    return _from_peers("on-premises", "from-customers", customers, Apply())


def microsoft_to_customer(
    circuit: ExpressRouteCircuit, route_filter: RouteFilter | None, regions: Iterable[Region]
) -> Policy:
    """Microsoft peering: only what the attached route filter allows, and of that only what the
    circuit reaches of Microsoft's ``regions``; without a route filter, nothing."""
    if route_filter is None:
        return REJECT_ALL
    allowed = tuple(
        Rule(
            rule.name, accept=True, match=Match(communities=frozenset(map(parse_community, rule.communities)))
        )
        for rule in route_filter.rules
    )
    return Policy(route_filter.name, (*_out_of_reach(circuit, regions), *allowed))


def _out_of_reach(circuit: ExpressRouteCircuit, regions: Iterable[Region]) -> Iterator[Rule]:
    """A Local circuit brings one or two regions, a Standard one those of its geopolitical region
    (expressroute-faqs). The rule's name says which."""
    beyond = frozenset(
        community
        for each in regions
        if not reaches(circuit, azure_region(each.name))
        for community in of_region(each)
    )
    if beyond:
        by_cloud = circuit.sku.tier is SkuTier.PREMIUM or location_of(circuit) is None
        reach = cloud_of(circuit) if by_cloud else reach_of(circuit)
        name = f"a {circuit.sku.tier.value} circuit reaches {reach} only"
        yield Rule(name, accept=False, match=Match(communities=beyond))


def at_gateway(connection: Connection, spaces: Iterable[Prefix]) -> Policy:
    """At a gateway, for the routes of one circuit: the connection's routing weight decides before
    the AS path length does, and stays in this network, both as local preference does.

    It is not the weight that Azure shows, which is the same for all circuits: one speaker's
    weight would not reach the network that has to follow it.
    """
    weight = connection.routing_weight
    apply = Apply(weight=LEARNED_WEIGHT, local_pref=DEFAULT_LOCAL_PREF + weight if weight else None)
    name = f"routing-weight-{weight}" if weight else "any-prefix"
    return Policy(connection.name, (_system_routes_win(spaces), Rule(name, accept=True, apply=apply)))


def learned_only() -> Policy:
    """At a gateway, towards its own network, which knows its address spaces better."""
    return Policy(
        "learned",
        (
            Rule("own-address-spaces", accept=False, match=Match(peers=frozenset({LOCAL}))),
            Rule("learned", accept=True),
        ),
    )


def own_only() -> Policy:
    """At Microsoft's edge: it announces its own prefixes and carries nobody else's."""
    return _from_peers("own-prefixes", "own-prefixes", (), Apply(), also=LOCAL)


def from_gateways(instances: Iterable[str]) -> Policy:
    """At a hub, towards the networks that use its gateway."""
    return _from_peers("learned", "from-gateways", instances, Apply())


def at_virtual_network(spaces: Iterable[Prefix], weight: int | None = None) -> Policy:
    """What a virtual network lets its gateway teach it, with the ``weight`` it has there: of the
    routes of both gateways those of ExpressRoute win for the same prefix
    (use-s2s-vpn-as-backup-for-expressroute-privatepeering)."""
    rule = Rule("any-prefix", accept=True, apply=Apply(weight=weight))
    return Policy("virtual-network", (_system_routes_win(spaces), rule))


def at_vpn_gateway(connection: Connection, spaces: Iterable[Prefix]) -> Policy:
    """From a VPN device: anything but the network's own prefixes, a default route included
    (vpn-gateway-vpn-faq)."""
    rule = Rule("any-prefix", accept=True, apply=Apply(weight=OWN_WEIGHT))
    return Policy(connection.name, (_system_routes_win(spaces), rule))


def to_vpn_device() -> Policy:
    """What a VPN gateway announces: the network's address spaces and what other devices told it, but
    never a default route (vpn-gateway-vpn-faq)."""
    defaults = Match(prefixes=tuple(PrefixMatch(prefix) for prefix in DEFAULT_ROUTES))
    return Policy(
        "virtual-network",
        (Rule("no-default-route", accept=False, match=defaults), Rule("any-prefix", accept=True)),
    )


def _system_routes_win(spaces: Iterable[Prefix]) -> Rule:
    """The network's own routes and those of its peerings win over BGP, even over longer prefixes
    (learn.microsoft.com, virtual-networks-udr-overview)."""
    inside = tuple(PrefixMatch(space, le=space.max_prefixlen) for space in dict.fromkeys(spaces))
    return Rule("system-routes-win", accept=False, match=Match(prefixes=inside))


def _from_peers(
    policy: str, rule: str, peers: Iterable[str], apply: Apply, also: str | None = None
) -> Policy:
    """Only routes learned from these neighbours; none of them means none at all."""
    known = both_families(peers) | ({also} if also else set())
    if not known:
        return REJECT_ALL
    return Policy(policy, (Rule(rule, accept=True, match=Match(peers=known), apply=apply),))
