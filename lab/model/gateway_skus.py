"""SKUs of virtual network gateways (``lab/data/gateway_skus.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from lab.model.azure import GatewayType
from lab.model.data import table


@dataclass(frozen=True, slots=True)
class GatewaySku:
    name: str
    circuits: Mapping[int, int]
    """Most circuits on the gateway, by the scale units it has at least; empty for VPN gateways."""
    learned_routes: int | None = None
    """Prefixes it is designed to learn."""
    fast_path: int | None = None
    """Scale units from which it has FastPath."""

    @property
    def scalable(self) -> bool:
        """Whether its size is a number of scale units."""
        return len(self.circuits) > 1

    def most_circuits(self, scale_units: int) -> int:
        """With so many scale units; a gateway of one size has one."""
        return max(most for units, most in self.circuits.items() if units <= scale_units)


@cache
def gateway_skus(gateway_type: GatewayType) -> Mapping[str, GatewaySku]:
    """The SKUs of one type by name, in the order of the table."""
    return MappingProxyType(
        {
            row["name"]: GatewaySku(
                row["name"], row.get("circuits", {}), row.get("learned_routes"), row.get("fast_path")
            )
            for row in table("gateway_skus")[gateway_type.value]
        }
    )
