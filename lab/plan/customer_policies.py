"""The customer's route maps, as policies of ``lab.bgp``."""

from __future__ import annotations

from collections.abc import Iterable

from lab.bgp.policy import ACCEPT_ALL, REJECT_ALL, Apply, Match, Policy, PrefixMatch, Rule
from lab.bgp.route import Asn, parse_community
from lab.model.onprem import PolicyRule, PolicySet, RoutingPolicy, Site
from lab.plan.legs import Attached
from lab.plan.lookup import named
from lab.plan.prefix_lists import permitted
from lab.plan.sessions import both_families
from lab.plan.sites import interior_prefixes, interior_routers


def import_policy(attached: Attached) -> Policy:
    """For routes from Microsoft; all of them when the attachment names no policy."""
    name = attached.attachment.import_policy
    return ACCEPT_ALL if name is None else _translated(attached.site, name)


def export_policy(attached: Attached) -> Policy:
    """For routes to Microsoft; the zone's own prefixes when the attachment names no policy."""
    name = attached.attachment.export_policy
    if name is not None:
        return _translated(attached.site, name)
    return own_prefixes(attached.site, attached.attachment.zone)


def own_prefixes(site: Site, zone: str | None) -> Policy:
    """Exactly what the zone's interior routers announce, and from them: a customer never passes
    on what it learned from a circuit, whatever the prefix. No zone, no prefixes."""
    if zone is None:
        return REJECT_ALL
    prefixes = tuple(PrefixMatch(prefix) for prefix in interior_prefixes(site, zone))
    routers = both_families(router.name for router in interior_routers(site, zone))
    if not prefixes:
        return REJECT_ALL
    return Policy("own-prefixes", (Rule(zone, accept=True, match=Match(prefixes=prefixes, peers=routers)),))


def _translated(site: Site, name: str) -> Policy:
    policy = named(site.policies, name, f"policy of {site.name}")
    return Policy(policy.name, tuple(_rules(site, policy)))


def _rules(site: Site, policy: RoutingPolicy) -> Iterable[Rule]:
    for number, rule in enumerate(policy.rules, start=1):
        match = _match(site, rule)
        if match is not None:
            permit = rule.action == "permit"
            apply = _apply(rule.set) if permit else Apply()
            yield Rule(rule.name or f"{policy.name}-{number}", permit, match, apply)


def _match(site: Site, rule: PolicyRule) -> Match | None:
    """None when no route can match, because the prefix list permits none."""
    prefixes: tuple[PrefixMatch, ...] = ()
    if rule.match.prefix_list is not None:
        name = rule.match.prefix_list
        prefixes = permitted(named(site.prefix_lists, name, f"prefix list of {site.name}"))
        if not prefixes:
            return None
    return Match(
        prefixes=prefixes,
        communities=frozenset(map(parse_community, rule.match.communities)),
        as_path_contains=tuple((Asn(asn), Asn(asn)) for asn in rule.match.as_path_contains),
    )


def _apply(changes: PolicySet) -> Apply:
    return Apply(
        local_pref=changes.local_preference,
        med=changes.med,
        prepend=tuple(Asn(asn) for asn in changes.as_path_prepend),
        add_communities=frozenset(map(parse_community, changes.communities)),
    )
