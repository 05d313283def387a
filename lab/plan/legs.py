"""A circuit's peerings, leg by leg: the primary and the secondary link, with who stands at each end.

A peering is a pair of independent BGP sessions over two links that differ only in addresses and
devices (learn.microsoft.com, expressroute-routing). Everything the passes build for circuits they
build once per leg.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.bgp.route import Prefix
from lab.model.circuit import (
    Connectivity,
    ExpressRouteCircuit,
    LinkPath,
    Peering,
    PeeringState,
    PeeringType,
)
from lab.model.onprem import Attachment, EdgeRouter, Site
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.constants import FIRST_STAG
from lab.plan.errors import PlanError
from lab.plan.lookup import named


@dataclass(frozen=True, slots=True)
class Attached:
    """A customer edge's end of a leg: ``ifname`` in its zone's namespace, with ``c_tag``."""

    site: Site
    router: EdgeRouter
    attachment: Attachment
    ifname: str
    c_tag: int

    @property
    def namespace(self) -> str:
        return f"{self.router.name}/{self.attachment.zone}"

    def stands_at(self, circuit: ExpressRouteCircuit, peering: Peering, path: LinkPath) -> bool:
        end = self.attachment
        wanted = (circuit.name, peering.peering_type, path)
        return (end.circuit, end.peering_type, end.path) == wanted


@dataclass(frozen=True, slots=True)
class Leg:
    """One peering on one link of its circuit."""

    circuit: ExpressRouteCircuit
    peering: Peering
    path: LinkPath
    provider_edge: str
    msee: str
    s_tag: int
    attached: tuple[Attached, ...]

    @property
    def vrf(self) -> str:
        return names.vrf_name(self.peering.peering_type)

    @property
    def msee_namespace(self) -> str:
        return f"{self.msee}/{self.vrf}"

    @property
    def provider_namespace(self) -> str:
        """The provider edge's routing table for this peering; layer 3 only."""
        return f"{self.provider_edge}/{self.vrf}"

    @property
    def is_private(self) -> bool:
        return self.peering.peering_type is PeeringType.PRIVATE

    @property
    def is_routed(self) -> bool:
        """The provider's edge speaks BGP, not the customer's."""
        return self.circuit.connectivity is Connectivity.LAYER3

    @property
    def ifname(self) -> str:
        """The tagged sub-interface at the MSEE."""
        return names.ifname(f"er{self.peering.vlan_id}")

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The link's networks: IPv4, then IPv6 when the peering has it."""
        primary = self.path is LinkPath.PRIMARY
        peering, ipv6 = self.peering, self.peering.ipv6_peering_config
        first = peering.primary_peer_address_prefix if primary else peering.secondary_peer_address_prefix
        if ipv6 is None:
            return (first,)
        return (first, ipv6.primary_peer_address_prefix if primary else ipv6.secondary_peer_address_prefix)

    @property
    def versions(self) -> frozenset[int]:
        """The IP versions the peering has."""
        return frozenset(prefix.version for prefix in self.prefixes)

    @property
    def neighbors(self) -> tuple[str, ...]:
        """The namespaces the MSEE has its sessions with on this leg."""
        if self.is_routed:
            return (self.provider_namespace,)
        return tuple(attached.namespace for attached in self.attached)

    def has_session(self, version: int) -> bool:
        """Whether Microsoft's end of the session is configured.

        Not while circuit or peering are disabled, nor before the provider has provisioned the
        circuit, nor until the public prefixes are validated (expressroute-workflows).
        """
        circuit, peering = self.circuit, self.peering
        ipv6, microsoft = peering.ipv6_peering_config, peering.microsoft_peering_config
        return (
            circuit.in_service
            and peering.state is PeeringState.ENABLED
            and (version == 4 or (ipv6 is not None and ipv6.state is PeeringState.ENABLED))
            and (microsoft is None or microsoft.advertised_public_prefixes_state == "Configured")
        )


def legs(topology: Topology) -> tuple[Leg, ...]:
    """Every leg of every peering, circuit by circuit, primary before secondary."""
    attached = all_attached(topology)
    return tuple(
        _leg(topology, circuit, peering, path, attached)
        for circuit in topology.express_route_circuits
        for path in LinkPath
        for peering in circuit.peerings
    )


def _leg(
    topology: Topology,
    circuit: ExpressRouteCircuit,
    peering: Peering,
    path: LinkPath,
    everywhere: tuple[Attached, ...],
) -> Leg:
    return Leg(
        circuit=circuit,
        peering=peering,
        path=path,
        provider_edge=names.provider_edge(topology, circuit, path),
        msee=names.msee(topology, circuit, path),
        s_tag=_s_tag(topology, circuit),
        attached=_attached_here(circuit, peering, path, everywhere),
    )


def _attached_here(
    circuit: ExpressRouteCircuit, peering: Peering, path: LinkPath, everywhere: tuple[Attached, ...]
) -> tuple[Attached, ...]:
    here = tuple(one for one in everywhere if one.stands_at(circuit, peering, path))
    if len(here) > 1 and circuit.connectivity is Connectivity.LAYER2:
        raise PlanError(
            f"{here[0].router.name} and {here[1].router.name} both attach to the {path.value} path of "
            f"{peering.peering_type.value} on {circuit.name}",
            hint="a layer 2 provider hands a path to one router; use the other path or layer3",
        )
    return here


def all_attached(topology: Topology) -> tuple[Attached, ...]:
    """Every attachment of every edge router, in the order of the file."""
    return tuple(
        attached
        for site in topology.on_premises
        for router in site.edge_routers
        for attached in _attached_of(topology, site, router)
    )


def _attached_of(topology: Topology, site: Site, router: EdgeRouter) -> tuple[Attached, ...]:
    found: list[Attached] = []
    for attachment in router.attachments:
        c_tag = attachment.vlan_id or _peering(topology, attachment).vlan_id
        taken = [one.ifname for one in found if one.attachment.zone == attachment.zone]
        found.append(Attached(site, router, attachment, _free_ifname(f"er{c_tag}", taken), c_tag))
    return tuple(found)


def _free_ifname(wanted: str, taken: list[str]) -> str:
    """``er100``, then ``er100-2``: two circuits may use one tag in the same zone."""
    again = sum(name.partition("-")[0] == wanted for name in taken)
    return f"{wanted}-{again + 1}" if again else wanted


def _peering(topology: Topology, attachment: Attachment) -> Peering:
    circuit = named(topology.express_route_circuits, attachment.circuit, "circuit")
    for peering in circuit.peerings:
        if peering.peering_type is attachment.peering_type:
            return peering
    raise PlanError(f"circuit {circuit.name} has no {attachment.peering_type.value}")


def _s_tag(topology: Topology, circuit: ExpressRouteCircuit) -> int:
    return circuit.stag or FIRST_STAG + topology.express_route_circuits.index(circuit)
