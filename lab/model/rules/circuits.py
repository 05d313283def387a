"""Rules about circuits and their peerings."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from pydantic import SecretStr

from lab.model.as_numbers import is_reserved_on_peerings
from lab.model.circuit import Connectivity, Peering, PeeringState
from lab.model.constants import LINK_PREFIX_LENGTHS, MD5_KEY_MAX
from lab.model.prefixes import AnyNetwork, Claim, overlaps
from lab.model.problem import Finding, Loc
from lab.model.view import View

PRIMARY, SECONDARY = "primary_peer_address_prefix", "secondary_peer_address_prefix"


def enabled_peerings_need_a_provisioned_circuit(view: View) -> Iterator[Finding]:
    """A circuit with an enabled peering is Enabled, which is Microsoft's to do, and Provisioned, which
    is the provider's (expressroute/expressroute-workflows)."""
    for loc, circuit in view.circuits():
        if not any(peering.state is PeeringState.ENABLED for peering in circuit.peerings):
            continue
        if circuit.circuit_provisioning_state != "Enabled":
            what = "the circuit is Disabled and has an Enabled peering"
            hint = "Microsoft support enables a circuit; Enabled here, or disable its peerings"
            yield Finding((*loc, "circuit_provisioning_state"), what, hint)
        if circuit.service_provider_provisioning_state != "Provisioned":
            state = circuit.service_provider_provisioning_state
            what = f"the provider's state is {state} and a peering is Enabled"
            hint = "the connectivity provider sets it; Provisioned here, or disable the peerings"
            yield Finding((*loc, "service_provider_provisioning_state"), what, hint)


def service_keys_are_unique(view: View) -> Iterator[Finding]:
    """A service key is one circuit's (expressroute/expressroute-circuit-peerings)."""
    seen: dict[UUID, str] = {}
    for loc, circuit in view.circuits():
        if circuit.service_key is None:
            continue
        if circuit.service_key in seen:
            what = f"circuit {seen[circuit.service_key]} has this service key"
            yield Finding((*loc, "service_key"), what, "leave it out and the lab makes one")
        seen.setdefault(circuit.service_key, circuit.name)


def a_layer3_provider_has_an_asn(view: View) -> Iterator[Finding]:
    """A circuit has a provider_asn with connectivity layer3, and only then; it is none that is reserved
    on peerings (expressroute/expressroute-routing)."""
    for loc, circuit in view.circuits():
        layer3 = circuit.connectivity is Connectivity.LAYER3
        if layer3 and circuit.provider_asn is None:
            hint = "the AS number of the provider's edge"
            yield Finding((*loc, "provider_asn"), "missing; a layer3 circuit has it", hint)
        if not layer3 and circuit.provider_asn is not None:
            hint = "remove it, or say connectivity: layer3"
            yield Finding((*loc, "provider_asn"), "a layer2 provider does not speak BGP", hint)
        if circuit.provider_asn is not None and is_reserved_on_peerings(circuit.provider_asn):
            yield _reserved((*loc, "provider_asn"), circuit.provider_asn)


def one_peering_of_each_type(view: View) -> Iterator[Finding]:
    """A circuit has at most one peering of each type (expressroute/expressroute-circuit-peerings)."""
    seen = set()
    for loc, circuit, peering in view.peerings():
        key = loc[1], peering.peering_type
        if key in seen:
            what = f"{circuit.name} has a {peering.peering_type.value} already"
            yield Finding((*loc, "peering_type"), what, "a circuit has at most one of each type")
        seen.add(key)


def vlan_ids_differ_in_a_circuit(view: View) -> Iterator[Finding]:
    """The peerings of a circuit have different VLAN IDs (expressroute/howto-routing-cli)."""
    seen: dict[tuple[object, int], Peering] = {}
    for loc, _, peering in view.peerings():
        first = seen.setdefault((loc[1], peering.vlan_id), peering)
        if first is not peering:
            what = f"{peering.vlan_id} is the tag of {first.peering_type.value} too"
            yield Finding((*loc, "vlan_id"), what, "each peering of a circuit has a tag of its own")


def links_have_a_prefix_for_two(view: View) -> Iterator[Finding]:
    """Each link of a peering has a /30, in IPv6 a /126 (expressroute/expressroute-routing)."""
    for loc, prefix in _link_prefixes(view):
        wanted = LINK_PREFIX_LENGTHS[prefix.version]
        if prefix.prefixlen != wanted:
            hint = f"each link is a /{wanted}: the first usable address is yours, the second Microsoft's"
            yield Finding(loc, f"{prefix} is not a /{wanted}", hint)


def _link_prefixes(view: View) -> Iterator[tuple[Loc, AnyNetwork]]:
    for loc, _, peering in view.peerings():
        yield from links_of(loc, peering)
    for loc, _, attachment in view.attachments():
        if attachment.provider_address_prefix is not None:
            yield (*loc, "provider_address_prefix"), attachment.provider_address_prefix


def links_of(loc: Loc, peering: Peering) -> Iterator[tuple[Loc, AnyNetwork]]:
    """The peering's links to Microsoft, IPv4 then IPv6."""
    yield (*loc, PRIMARY), peering.primary_peer_address_prefix
    yield (*loc, SECONDARY), peering.secondary_peer_address_prefix
    if (ipv6 := peering.ipv6_peering_config) is not None:
        yield (*loc, "ipv6_peering_config", PRIMARY), ipv6.primary_peer_address_prefix
        yield (*loc, "ipv6_peering_config", SECONDARY), ipv6.secondary_peer_address_prefix


def link_prefixes_are_nobody_elses(view: View) -> Iterator[Finding]:
    """The prefix of a link meets neither that of another link nor a virtual network
    (expressroute/expressroute-routing)."""
    links = [Claim(prefix, loc, "") for loc, prefix in _link_prefixes(view)]
    spaces = [Claim(prefix, loc, vnet.name) for loc, vnet, prefix in view.address_spaces()]
    for first, second in overlaps([*spaces, *links]):
        if second.owner:
            continue
        other = f"{first.prefix} of virtual network {first.owner}" if first.owner else f"link {first.prefix}"
        yield Finding(second.loc, f"{second.prefix} overlaps {other}", "each link has a prefix of its own")


def keys_fit_the_routers(view: View) -> Iterator[Finding]:
    """An MD5 key has 1 to 25 characters (MicrosoftDocs/azure-docs#120536). The key itself is never
    shown."""
    for loc, key in _keys(view):
        length = len(key.get_secret_value()) if key is not None else 1
        if length > MD5_KEY_MAX:
            hint = f"an MSEE takes at most {MD5_KEY_MAX}"
            yield Finding((*loc, "shared_key"), f"has {length} characters", hint)
        if not length:
            yield Finding((*loc, "shared_key"), "is empty", "leave it out for sessions without MD5")


def _keys(view: View) -> Iterator[tuple[Loc, SecretStr | None]]:
    for loc, _, peering in view.peerings():
        yield loc, peering.shared_key
    for loc, _, attachment in view.attachments():
        yield loc, attachment.shared_key


def peer_asns_are_not_azures(view: View) -> Iterator[Finding]:
    """The customer's AS number on a peering is neither 12076 nor 65515 to 65520
    (expressroute/expressroute-routing)."""
    for loc, _, peering in view.peerings():
        if is_reserved_on_peerings(peering.peer_asn):
            yield _reserved((*loc, "peer_asn"), peering.peer_asn)


def a_layer3_peering_is_with_the_provider(view: View) -> Iterator[Finding]:
    """With connectivity layer3 the MSEE's peer is the provider
    (expressroute/expressroute-troubleshooting-expressroute-overview)."""
    for loc, circuit, peering in view.peerings():
        layer3 = circuit.connectivity is Connectivity.LAYER3 and circuit.provider_asn is not None
        if layer3 and peering.peer_asn != circuit.provider_asn:
            what = f"{peering.peer_asn} is not the provider's AS, {circuit.provider_asn}"
            hint = "on a layer3 circuit the MSEE's peer is the provider's edge"
            yield Finding((*loc, "peer_asn"), what, hint)


def _reserved(loc: Loc, asn: int) -> Finding:
    hint = "not 12076, nor 65515 to 65520; private numbers begin at 64512"
    return Finding(loc, f"AS {asn} is reserved by Azure", hint)
