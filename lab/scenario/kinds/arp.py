"""A neighbour's link-layer address is known, or is not (ARP, RFC 826; ND, RFC 4861)."""

from __future__ import annotations

from ipaddress import ip_address

from lab.model.fields import Address
from lab.probe.flows import Flow
from lab.scenario.kinds.base import Absence, Expectation, NamespaceName, Sight
from lab.scenario.running import RunningLab

UNRESOLVED = frozenset({"incomplete", "failed"})
"""States in which the kernel has asked and nobody has answered (linux/neighbour.h)."""


class ArpEntry(Expectation):
    """The address was resolved."""

    node: NamespaceName
    address: Address

    def claim(self) -> str:
        return f"{self.address} answers the ARP requests of {self.node}"

    def look(self, lab: RunningLab) -> Sight:
        return _look(lab, self.node, self.address, resolved=True)

    def broken_link(self, lab: RunningLab) -> str | None:
        return lab.trace(Flow(self.node, self.address))


class NoArpEntry(Absence):
    """Nobody answers for the address: no entry, or an incomplete or failed one, although it is
    asked for."""

    node: NamespaceName
    address: Address

    def claim(self) -> str:
        return f"nobody answers the ARP requests of {self.node} for {self.address}"

    def look(self, lab: RunningLab) -> Sight:
        return _look(lab, self.node, self.address, resolved=False)

    def broken_link(self, lab: RunningLab) -> str | None:
        return None


def _look(lab: RunningLab, node: str, address: Address, *, resolved: bool) -> Sight:
    for entry in lab.neighbors(node, asking_for=str(address)):
        if ip_address(entry["address"]) == address:
            is_resolved = entry["mac"] is not None and entry["state"] not in UNRESOLVED
            seen = (
                f"{entry['mac']} on {entry['interface']}, {entry['state']}" if is_resolved else entry["state"]
            )
            return Sight(is_resolved is resolved, seen)
    return Sight(not resolved, "no entry")
