"""The small typed fields every object shares, and the base class with its settings.

Property names are those of the ARM objects in snake_case, so that an Azure engineer needs
no manual (Azure/azure-rest-api-specs, Microsoft.Network 2023-05-01).
"""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Network = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface

NODE_NAME_PATTERN = r"^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$"
"""What becomes a node: short and lower case, because interfaces are named after it."""

NodeName = Annotated[
    str,
    Field(pattern=NODE_NAME_PATTERN, description="Lower-case letters, digits and hyphens, at most 24."),
]
ResourceName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$",
        description="An Azure resource name: letters, digits, underscores, periods and hyphens.",
    ),
]
AsNumber = Annotated[int, Field(ge=1, le=4294967295, description="AS number, 16 or 32 bits.")]
VlanId = Annotated[int, Field(ge=1, le=4094, description="IEEE 802.1Q VLAN ID.")]
CommunityText = Annotated[
    str,
    Field(pattern=r"^\d{1,5}:\d{1,5}$", description="A BGP community, e.g. 12076:51026."),
]


class Described(BaseModel):
    """Base of every object: frozen, and an unknown property is an error, not a guess."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, str_strip_whitespace=True
    )
