"""Azure regions: the BGP communities, the geopolitical region and the cloud of each.

The table is ``lab/data/regions.yaml``; it is read when the first region is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from lab.model.constants import MICROSOFT_PEERING_REGIONAL, MSEE_ASN, PRIVATE_PEERING_REGIONAL
from lab.model.data import table
from lab.model.problem import Finding, Loc
from lab.model.properties import closest

PUBLIC_CLOUD = "public Azure"


@dataclass(frozen=True, slots=True)
class AzureRegion:
    """What is documented of a region; None is what is not."""

    name: str
    """The display name, e.g. West US 2."""
    suffix: int | None = None
    """The last three digits of its communities."""
    geopolitical: str | None = None
    cloud: str = PUBLIC_CLOUD

    @property
    def microsoft_community(self) -> str | None:
        """Carried by the region's prefixes on Microsoft peering, e.g. 12076:51026."""
        return self._community(MICROSOFT_PEERING_REGIONAL)

    @property
    def private_community(self) -> str | None:
        """The same region's on private peering, e.g. 12076:50026."""
        return self._community(PRIVATE_PEERING_REGIONAL)

    def _community(self, base: int) -> str | None:
        return None if self.suffix is None else f"{MSEE_ASN}:{base + self.suffix}"


def region(name: str) -> AzureRegion | None:
    """The region called ``name``, as displayed (West US 2) or as in ARM (westus2)."""
    return _by_key().get(region_key(name))


def region_key(name: str) -> str:
    """Equal for two ways to write one region."""
    return name.replace(" ", "").casefold()


def unknown_region(loc: Loc, name: str) -> Finding:
    """What to say when ``region`` knows no such name."""
    names = [each.name for each in regions()]
    near = closest(name, names)
    hint = (
        f"did you mean {near}?" if near else "an Azure region, such as West US 2; a peering location is none"
    )
    return Finding(loc, f"{name!r} is not an Azure region known here", hint)


@cache
def regions() -> tuple[AzureRegion, ...]:
    """All regions, in the order of the table."""
    return tuple(
        AzureRegion(row["name"], row.get("suffix"), row.get("geopolitical"), row.get("cloud", PUBLIC_CLOUD))
        for row in table("regions")
    )


@cache
def _by_key() -> Mapping[str, AzureRegion]:
    names = {region_key(each.name): each for each in regions()}
    rows = [row for row in table("regions") if "also" in row]
    return MappingProxyType(names | {region_key(row["also"]): names[region_key(row["name"])] for row in rows})
