"""Rules about Microsoft peering: what it needs to be validated, and what a filter may name."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.as_numbers import is_private
from lab.model.circuit import PeeringType, RouteFilter, SkuTier
from lab.model.problem import Finding
from lab.model.public_prefixes import not_public
from lab.model.rules.circuits import links_of
from lab.model.service_communities import ServiceCommunity, service_communities
from lab.model.view import View, each


def microsoft_peering_says_its_prefixes(view: View) -> Iterator[Finding]:
    """Microsoft peering has a microsoft_peering_config, private peering has none
    (expressroute/howto-routing-cli)."""
    for loc, _, peering in view.peerings():
        microsoft = peering.peering_type is PeeringType.MICROSOFT
        config = (*loc, "microsoft_peering_config")
        if microsoft and peering.microsoft_peering_config is None:
            hint = (
                "microsoft_peering_config: {advertised_public_prefixes: [...]}, the public prefixes you own"
            )
            yield Finding(config, "missing; MicrosoftPeering has it", hint)
        if not microsoft and peering.microsoft_peering_config is not None:
            yield Finding(config, "AzurePrivatePeering has none", "remove it: any prefix may be advertised")


def only_microsoft_peering_has_a_filter(view: View) -> Iterator[Finding]:
    """A route filter is for Microsoft peering (expressroute/how-to-routefilter-portal)."""
    for loc, _, peering in view.peerings():
        if peering.peering_type is not PeeringType.MICROSOFT and peering.route_filter is not None:
            hint = "remove it: private peering advertises every linked network"
            yield Finding((*loc, "route_filter"), "AzurePrivatePeering takes no route filter", hint)


def advertised_prefixes_are_public(view: View) -> Iterator[Finding]:
    """Prefixes advertised over Microsoft peering are public: neither private nor a default route
    (expressroute/expressroute-routing). Those for documentation (RFC 5737) stand for public ones."""
    for loc, _, peering in view.peerings():
        config = peering.microsoft_peering_config
        place = (*loc, "microsoft_peering_config", "advertised_public_prefixes")
        for inner, prefix in each(place, config.advertised_public_prefixes if config else ()):
            reason = not_public(prefix)
            if reason:
                hint = "prefixes registered to you; 203.0.113.0/24 can stand for one"
                yield Finding(inner, f"{prefix} is not public: {reason}", hint)


def microsoft_links_are_public(view: View) -> Iterator[Finding]:
    """The links of a Microsoft peering have public addresses (expressroute/expressroute-routing)."""
    for loc, _, peering in view.peerings():
        if peering.peering_type is not PeeringType.MICROSOFT:
            continue
        for inner, prefix in links_of(loc, peering):
            reason = not_public(prefix)
            if reason:
                hint = "a /30 of yours out of a public prefix; private ones are for AzurePrivatePeering"
                yield Finding(inner, f"{prefix} is not public: {reason}", hint)


def private_as_numbers_are_approved(view: View) -> Iterator[Finding]:
    """A private AS number on Microsoft peering stays in ValidationNeeded until Microsoft has
    validated it by hand (expressroute/expressroute-routing)."""
    for loc, _, peering in view.peerings():
        config = peering.microsoft_peering_config
        if peering.peering_type is not PeeringType.MICROSOFT or config is None:
            continue
        if is_private(peering.peer_asn) and "advertised_public_prefixes_state" not in config.model_fields_set:
            what = f"missing; AS {peering.peer_asn} is private, so Microsoft validates by hand"
            hint = "Configured when it has, ValidationNeeded to see the sessions stay down until then"
            place = (*loc, "microsoft_peering_config", "advertised_public_prefixes_state")
            yield Finding(place, what, hint)


def microsoft_365_is_authorized(view: View) -> Iterator[Finding]:
    """A filter that names communities of Microsoft 365 cannot be attached without Microsoft's
    authorisation (expressroute/how-to-routefilter-portal)."""
    for loc, _, _, route_filter in view.filtered_peerings():
        services = _microsoft_365(route_filter)
        if services and not route_filter.is_authorized_to_use:
            what = f"{route_filter.name} names {_listed(services)} without authorisation"
            hint = "is_authorized_to_use: true in the filter when Microsoft has given it"
            yield Finding((*loc, "route_filter"), what, hint)


def microsoft_365_needs_premium(view: View) -> Iterator[Finding]:
    """Microsoft 365 comes over Microsoft peering of a Premium circuit only
    (expressroute/expressroute-faqs)."""
    for loc, circuit, _, route_filter in view.filtered_peerings():
        services = _microsoft_365(route_filter)
        if services and circuit.sku.tier is not SkuTier.PREMIUM:
            what = f"{route_filter.name} names {_listed(services)}, and {circuit.name} is not Premium"
            yield Finding((*loc, "route_filter"), what, f"tier: {SkuTier.PREMIUM.value}, or another filter")


def _microsoft_365(route_filter: RouteFilter) -> list[ServiceCommunity]:
    known = service_communities()
    named = (known.get(community) for rule in route_filter.rules for community in rule.communities)
    return [service for service in named if service is not None and service.microsoft_365]


def _listed(services: list[ServiceCommunity]) -> str:
    return ", ".join(f"{service.name} ({service.community})" for service in services)
