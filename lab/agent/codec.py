"""Path attributes between ExaBGP's objects and our values."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from exabgp.bgp.message.open.asn import ASN
from exabgp.bgp.message.update.attribute import Attribute
from exabgp.bgp.message.update.attribute.aspath import SEQUENCE, ASPath
from exabgp.bgp.message.update.attribute.attributes import Attributes
from exabgp.bgp.message.update.attribute.community.initial.communities import Communities
from exabgp.bgp.message.update.attribute.community.initial.community import Community as ExaCommunity
from exabgp.bgp.message.update.attribute.localpref import LocalPreference
from exabgp.bgp.message.update.attribute.med import MED
from exabgp.bgp.message.update.attribute.nexthop import NextHop
from exabgp.bgp.message.update.attribute.origin import Origin as ExaOrigin
from exabgp.protocol.ip import NoNextHop

from lab.bgp.route import Address, Asn, Community, Origin, PathAttributes, Prefix

CODE = Attribute.CODE
ORIGINS = frozenset(Origin)


@lru_cache(maxsize=1 << 16)
def prefix_of(packed: bytes, length: int) -> Prefix:
    """The NLRI's prefix; bits behind the mask are dropped (RFC 4271 section 4.3)."""
    number = int.from_bytes(packed, "big")
    network = IPv4Network if len(packed) == 4 else IPv6Network
    return network((number, length), strict=False)


def decode(attributes: Any, next_hop: Any) -> PathAttributes | None:
    """Our value of the path attributes of one UPDATE, for the NLRI with that next hop.

    None when ORIGIN is undefined or a mandatory attribute is missing: the NLRI then count
    as withdrawn (RFC 7606 sections 3 d and 7.1). An empty AS_PATH is the same as none to
    ExaBGP. The members of an AS_SET stand in the AS_PATH one by one (see PathAttributes).
    """
    origin = attributes.get(CODE.ORIGIN)
    if origin is None or origin.origin not in ORIGINS or next_hop is NoNextHop:
        return None
    med = attributes.get(CODE.MED)
    local_pref = attributes.get(CODE.LOCAL_PREF)
    as_path = attributes.get(CODE.AS_PATH)
    segments = () if as_path is None else as_path.aspath
    return PathAttributes(
        next_hop=ip_address(next_hop.ton()),
        as_path=tuple(Asn(int(asn)) for segment in segments for asn in segment),
        origin=Origin(origin.origin),
        local_pref=None if local_pref is None else local_pref.localpref,
        med=None if med is None else med.med,
        communities=frozenset(
            Community(int.from_bytes(community.community, "big"))
            for community in attributes.get(CODE.COMMUNITY, ())
        ),
    )


@lru_cache(maxsize=4096)
def encode(attributes: PathAttributes) -> Any:
    """ExaBGP's object for our path attributes; equal values share one object."""
    wire = Attributes()
    wire.add(ExaOrigin(int(attributes.origin)))
    path = [SEQUENCE([ASN(asn) for asn in attributes.as_path])] if attributes.as_path else []
    wire.add(ASPath(path))
    wire.add(next_hop_of(attributes.next_hop))
    if attributes.med is not None:
        wire.add(MED(attributes.med))
    if attributes.local_pref is not None:
        wire.add(LocalPreference(attributes.local_pref))
    if attributes.communities:
        values = [ExaCommunity(community.to_bytes(4, "big")) for community in sorted(attributes.communities)]
        wire.add(Communities(values))
    return wire


def next_hop_of(address: Address) -> Any:
    """The NEXT_HOP attribute, which is also the next hop inside MP_REACH_NLRI."""
    return NextHop(str(address), address.packed)
