"""Routes and their path attributes: RFC 4271 section 4.3, in its words.

Everything here is a frozen value. A prefix is an ``ipaddress`` network, an AS number and
a community are plain integers at run time (``Asn``, ``Community``) with the textual form
``12076:51026`` only at the borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NewType

Asn = NewType("Asn", int)
Community = NewType("Community", int)

Prefix = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

DEFAULT_LOCAL_PREF = 100

NO_EXPORT = Community(0xFFFFFF01)
"""RFC 1997: a route received with it is not advertised to external peers."""

NO_ADVERTISE = Community(0xFFFFFF02)
"""RFC 1997: a route received with it is not advertised to anyone."""


class Origin(IntEnum):
    """RFC 4271 section 4.3 a; lower is preferred (section 9.1.2.2 b)."""

    IGP = 0
    EGP = 1
    INCOMPLETE = 2


def parse_community(text: str) -> Community:
    """``"12076:51026"`` as the 32-bit value of RFC 1997.

    Raises ValueError when either half is not a number of 16 bits.
    """
    high, colon, low = text.partition(":")
    if not (colon and high.isdecimal() and low.isdecimal() and int(high) < 65536 and int(low) < 65536):
        raise ValueError(f"{text!r} is not a community of the form ASN:VALUE, both 0-65535")
    return Community(int(high) << 16 | int(low))


def format_community(community: Community) -> str:
    """The 32-bit value as ``"12076:51026"``."""
    return f"{community >> 16}:{community & 0xFFFF}"


@dataclass(frozen=True, slots=True)
class PathAttributes:
    """What an UPDATE says about its prefixes; equal attributes may share one message.

    ``as_path`` is the AS_SEQUENCE, nearest AS first. AS_SETs are not modelled: RFC 9774
    deprecates them, and nothing in the lab aggregates.
    """

    next_hop: Address
    as_path: tuple[Asn, ...] = ()
    origin: Origin = Origin.IGP
    local_pref: int | None = None
    med: int | None = None
    communities: frozenset[Community] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """A prefix as one peer described it.

    ``peer`` is the neighbour's name in the speaker's configuration, or ``LOCAL`` for a
    route this speaker originates. ``path_id`` is RFC 7911's, 0 without add-path.
    """

    prefix: Prefix
    attributes: PathAttributes
    peer: str
    path_id: int = 0


LOCAL = "local"
