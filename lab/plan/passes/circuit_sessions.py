"""BGP on the peerings: each leg has a session of its own, or one per address family.

The customer's end is always configured. Microsoft's end is missing while the peering is disabled,
not provisioned or not validated, and the session stays down, as in reality.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import SecretStr

from lab.bgp.policy import Policy
from lab.bgp.speaker import Neighbor, Timers
from lab.model.topology import Topology
from lab.plan import microsoft_policies
from lab.plan.addresses import usable
from lab.plan.azure import gateways_on
from lab.plan.constants import (
    ECHOES,
    MICROSOFT_PEERING_PREFIXES,
    MSEE_ASN,
    PRIVATE_PEERING_IPV6_PREFIXES,
    PRIVATE_PEERING_PREFIXES,
    SINGLE_HOP_TTL,
    TIMERS,
)
from lab.plan.customer_policies import export_policy, import_policy
from lab.plan.leg_addresses import access_prefixes, customer_end, far_end, microsoft_end, router_ends
from lab.plan.legs import Attached, Leg, legs
from lab.plan.lookup import named
from lab.plan.sessions import End, add_sessions, neighbor
from lab.plan.types import Interface, Plan


def peer_customers(topology: Topology, plan: Plan) -> Plan:
    for leg in legs(topology):
        plan = add_sessions(plan, _microsoft_ends(topology, leg))
        plan = add_sessions(plan, _routed(topology, leg) if leg.is_routed else _direct(topology, leg))
    return plan


def _microsoft_ends(topology: Topology, leg: Leg) -> Iterator[End]:
    """The MSEE's end, which waits for the customer's router or the provider's to connect."""
    for name in leg.neighbors:
        for prefix in leg.prefixes:
            if leg.has_session(prefix.version):
                ours, theirs = microsoft_end(prefix), customer_end(prefix)
                far = _neighbor(topology, name, ours, theirs, leg.peering.peer_asn)
                yield End(leg.msee_namespace, _as_msee(topology, leg, far))


def _as_msee(topology: Topology, leg: Leg, far: Neighbor) -> Neighbor:
    imported = (
        microsoft_policies.PRIVATE_FROM_CUSTOMER
        if leg.is_private
        else microsoft_policies.MICROSOFT_FROM_CUSTOMER
    )
    return replace(
        far,
        passive=True,
        password=_text(leg.peering.shared_key),
        import_policy=imported,
        export_policy=_advertised(topology, leg),
        max_prefixes=_max_prefixes(leg, far.peer_address.version),
        allow_own_as=ECHOES if leg.is_private else 0,
    )


def _advertised(topology: Topology, leg: Leg) -> Policy:
    if leg.is_private:
        return microsoft_policies.to_customer(gateways_on(topology, leg.circuit))
    name = leg.peering.route_filter
    found = None if name is None else named(topology.route_filters, name, "route filter")
    return microsoft_policies.microsoft_to_customer(leg.circuit, found, topology.microsoft_network.regions)


def _max_prefixes(leg: Leg, version: int) -> int:
    if not leg.is_private:
        return MICROSOFT_PEERING_PREFIXES
    return PRIVATE_PEERING_IPV6_PREFIXES if version == 6 else PRIVATE_PEERING_PREFIXES[leg.circuit.sku.tier]


def _direct(topology: Topology, leg: Leg) -> Iterator[End]:
    """The customer's router peers with the MSEE."""
    for attached in leg.attached:
        key = attached.attachment.shared_key or leg.peering.shared_key
        for ours in router_ends(leg, attached):
            theirs = far_end(leg, ours)
            if theirs is not None:
                far = _neighbor(topology, leg.msee_namespace, ours, theirs, MSEE_ASN)
                yield End(attached.namespace, _as_customer(attached, far, key))


def _routed(topology: Topology, leg: Leg) -> Iterator[End]:
    """The customer's router peers with the provider's edge, and that one with the MSEE; the
    provider passes on what either says."""
    for prefix in leg.prefixes:
        ours, theirs = customer_end(prefix), microsoft_end(prefix)
        far = _neighbor(topology, leg.msee_namespace, ours, theirs, MSEE_ASN)
        yield End(leg.provider_namespace, replace(far, password=_text(leg.peering.shared_key)))
    for attached in leg.attached:
        yield from _access(topology, leg, attached)


def _access(topology: Topology, leg: Leg, attached: Attached) -> Iterator[End]:
    assert leg.circuit.provider_asn is not None, "the speakers pass asked for it"
    key = attached.attachment.shared_key
    for prefix, given in zip(access_prefixes(leg, attached), router_ends(leg, attached), strict=True):
        provider, router = usable(prefix, 2), usable(prefix, 1)
        far = _neighbor(topology, attached.namespace, provider, router, attached.site.asn)
        yield End(leg.provider_namespace, replace(far, passive=True, password=_text(key)))
        near = _neighbor(topology, leg.provider_namespace, given, provider, leg.circuit.provider_asn)
        yield End(attached.namespace, _as_customer(attached, near, key))


def _as_customer(attached: Attached, far: Neighbor, key: SecretStr | None) -> Neighbor:
    own = attached.attachment.timers
    timers = far.timers if own is None else Timers(own.keepalive, own.hold, far.timers.restart)
    return replace(
        far,
        timers=timers,
        password=_text(key),
        import_policy=import_policy(attached),
        export_policy=export_policy(attached),
    )


def _neighbor(topology: Topology, far: str, ours: Interface, theirs: Interface, asn: int) -> Neighbor:
    return replace(neighbor(far, ours, theirs, asn, TIMERS[topology.timers]), ttl=SINGLE_HOP_TTL)


def _text(key: SecretStr | None) -> str | None:
    return None if key is None else key.get_secret_value()
