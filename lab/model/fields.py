"""The small typed fields every object shares, and the base class with its settings.

Property names are those of the ARM objects in snake_case, so that an Azure engineer needs
no manual (Azure/azure-rest-api-specs, Microsoft.Network 2023-05-01).
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from lab.model.addresses import (
    ADDRESS_PATTERN,
    NETWORK_PATTERN,
    address_parser,
    interface_parser,
    network_parser,
    wrong,
)

_NetworkText = Annotated[str, Field(pattern=NETWORK_PATTERN)]
_AddressText = Annotated[str, Field(pattern=ADDRESS_PATTERN)]

Network = Annotated[
    IPv4Network | IPv6Network, PlainValidator(network_parser(4, 6), json_schema_input_type=_NetworkText)
]
Ipv4Prefix = Annotated[IPv4Network, PlainValidator(network_parser(4), json_schema_input_type=_NetworkText)]
Ipv6Prefix = Annotated[IPv6Network, PlainValidator(network_parser(6), json_schema_input_type=_NetworkText)]
Interface = Annotated[
    IPv4Interface | IPv6Interface, PlainValidator(interface_parser(), json_schema_input_type=_NetworkText)
]
Ipv4 = Annotated[IPv4Address, PlainValidator(address_parser(4), json_schema_input_type=_AddressText)]
Ipv6 = Annotated[IPv6Address, PlainValidator(address_parser(6), json_schema_input_type=_AddressText)]
Address = Annotated[
    IPv4Address | IPv6Address, PlainValidator(address_parser(4, 6), json_schema_input_type=_AddressText)
]

NODE_NAME_PATTERN = r"^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$"
"""What becomes a node: short and lower case, because interfaces are named after it."""
RESOURCE_NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$"
COMMUNITY_PATTERN = r"^[0-9]{1,5}:[0-9]{1,5}$"
SUBJECT_NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?$"
"""A common name; a certificate has room for 64 characters of it (RFC 5280, ub-common-name)."""
KEY_VAULT_PATTERN = r"^https://[A-Za-z0-9.-]+/[Cc]ertificates/[A-Za-z0-9-]{1,64}(/[A-Za-z0-9]*)?$"
"""A certificate's identifier in a Key Vault: its name there, and perhaps a version."""

PATTERN_HINTS = {
    NODE_NAME_PATTERN: "a letter first, then lower-case letters, digits and hyphens; at most 24",
    RESOURCE_NAME_PATTERN: "letters, digits, underscores, periods and hyphens; at most 80",
    COMMUNITY_PATTERN: "two numbers and a colon, such as 12076:51026",
    SUBJECT_NAME_PATTERN: "a common name without CN=: letters, digits, spaces, . _ and -; at most 64",
    KEY_VAULT_PATTERN: "a Key Vault's identifier: https://VAULT.vault.azure.net/certificates/NAME",
}


def _halves_fit(community: str) -> str:
    """RFC 1997: a community is two 16-bit halves."""
    if any(int(half) > 0xFFFF for half in community.split(":")):
        raise wrong(f"{community!r} is not a community", "each half is at most 65535 (RFC 1997)")
    return community


NodeName = Annotated[
    str,
    Field(pattern=NODE_NAME_PATTERN, description="Lower-case letters, digits and hyphens, at most 24."),
]
ResourceName = Annotated[
    str,
    Field(
        pattern=RESOURCE_NAME_PATTERN,
        description="An Azure resource name: letters, digits, underscores, periods and hyphens.",
    ),
]
SubjectName = Annotated[
    str,
    Field(pattern=SUBJECT_NAME_PATTERN, description="A certificate's common name, without CN=; at most 64."),
]
KeyVaultCertificate = Annotated[
    str,
    Field(
        pattern=KEY_VAULT_PATTERN,
        description="A Key Vault's identifier of a certificate: https://VAULT.vault.azure.net/certificates/NAME.",
    ),
]
AsNumber = Annotated[int, Field(ge=1, le=4294967295, description="AS number, 16 or 32 bits.")]
VlanId = Annotated[int, Field(ge=1, le=4094, description="IEEE 802.1Q VLAN ID.")]
CommunityText = Annotated[
    str,
    Field(pattern=COMMUNITY_PATTERN, description="A BGP community, e.g. 12076:51026."),
    AfterValidator(_halves_fit),
]


class Described(BaseModel):
    """Base of every object: frozen, and an unknown property is an error, not a guess.

    The text under a property is its description; ``lab.model.schema`` reads it from the source
    when somebody asks, because reading it at import (use_attribute_docstrings) costs every
    command 50 ms. For the same reason validators are built at first use.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True, defer_build=True
    )
