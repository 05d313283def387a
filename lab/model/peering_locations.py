"""Peering locations: where they are, and what a Local circuit reaches from there.

The table is ``lab/data/peering_locations.yaml``. A city may be a location of several clouds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lab.model.data import table
from lab.model.regions import PUBLIC_CLOUD, region_key


@dataclass(frozen=True, slots=True)
class PeeringLocation:
    """What is documented of one location in one cloud."""

    name: str
    geopolitical: str
    local: tuple[str, ...] = ()
    """Display names of the regions a Local circuit reaches; none: there is no ExpressRoute Local."""
    cloud: str = PUBLIC_CLOUD


def peering_locations(name: str) -> tuple[PeeringLocation, ...]:
    """The locations called ``name``, public Azure's first; nothing when there is none."""
    return tuple(each for each in all_peering_locations() if region_key(each.name) == region_key(name))


@cache
def all_peering_locations() -> tuple[PeeringLocation, ...]:
    """All of them, in the order of the table."""
    return tuple(
        PeeringLocation(
            row["name"], row["geopolitical"], tuple(row.get("local", ())), row.get("cloud", PUBLIC_CLOUD)
        )
        for row in table("peering_locations")
    )
