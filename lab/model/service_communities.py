"""Services with a BGP community of their own (``lab/data/service_communities.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from lab.model.constants import MSEE_ASN
from lab.model.data import table
from lab.model.regions import PUBLIC_CLOUD


@dataclass(frozen=True, slots=True)
class ServiceCommunity:
    name: str
    community: str
    """As written, e.g. 12076:5010."""
    microsoft_365: bool = False
    """Whether a subscription needs Microsoft's authorisation to use it."""
    cloud: str = PUBLIC_CLOUD


@cache
def service_communities() -> Mapping[str, ServiceCommunity]:
    """All of them by community."""
    found = (
        ServiceCommunity(
            row["name"],
            f"{MSEE_ASN}:{row['value']}",
            row.get("microsoft_365", False),
            row.get("cloud", PUBLIC_CLOUD),
        )
        for row in table("service_communities")
    )
    return MappingProxyType({each.community: each for each in found})
