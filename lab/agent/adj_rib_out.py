"""Adj-RIB-Out's queue: what ExaBGP has still to send to one neighbour.

Takes the place of ExaBGP's ``OutgoingRIB`` on a neighbour and offers the part of its
interface that a session uses. The engine holds the Adj-RIB-Out itself and queues all of it
again when a session comes up, so nothing is cached here: per prefix only the newest state
is pending, and prefixes with equal attributes leave in one UPDATE.

NLRI are packed here rather than by ExaBGP: one object, one deep copy and one sort per
prefix there limit a relay to a few thousand prefixes a second.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

from exabgp.bgp.message.update import Update

from lab.agent.codec import encode
from lab.bgp.route import PathAttributes, Prefix

Key = tuple[Prefix, int]
"""A prefix and its path identifier (RFC 7911; 0 without add-path)."""

MP_REACH_NLRI, MP_UNREACH_NLRI = 14, 15
IPV6_UNICAST = struct.pack("!HB", 2, 1)
ROOM = 4096 - 19 - 4
"""Octets left in a message for withdrawn routes, attributes and NLRI (RFC 4271 4.1, 4.3)."""


def pack_nlri(key: Key, *, add_path: bool) -> bytes:
    """RFC 4271 section 4.3 (prefix), with the path identifier of RFC 7911 section 3."""
    prefix, path_id = key
    length = prefix.prefixlen
    nlri = bytes((length,)) + prefix.network_address.packed[: (length + 7) // 8]
    return struct.pack("!I", path_id) + nlri if add_path else nlri


def blobs(keys: Iterable[Key], room: int, *, add_path: bool) -> Iterator[bytes]:
    """The packed keys, joined into pieces of at most ``room`` octets."""
    piece = bytearray()
    for key in keys:
        nlri = pack_nlri(key, add_path=add_path)
        if len(piece) + len(nlri) > room:
            yield bytes(piece)
            piece.clear()
        piece += nlri
    if piece:
        yield bytes(piece)


def attribute(code: int, value: bytes) -> bytes:
    """An optional attribute with extended length (RFC 4271 section 4.3)."""
    return struct.pack("!BBH", 0x90, code, len(value)) + value


class PendingUpdate:
    """Prefixes with equal attributes (or to be withdrawn, without): some UPDATE messages."""

    def __init__(self, attributes: PathAttributes | None, keys: list[Key]) -> None:
        self._attributes = attributes
        self._keys = keys

    def messages(self, negotiated: Any, include_withdraw: bool = True) -> Iterator[bytes]:
        """The messages in wire format; the same call as ``exabgp...Update.messages``."""
        if self._attributes is None and not include_withdraw:
            return
        ipv6 = self._keys[0][0].version == 6
        add_path = negotiated.addpath.send(2 if ipv6 else 1, 1)
        packed = b"" if self._attributes is None else encode(self._attributes).pack(negotiated)
        overhead = len(packed) + (40 if ipv6 else 0)
        for nlri in blobs(self._keys, ROOM - overhead, add_path=add_path):
            yield bytes(Update([], b"")._message(self._body(packed, nlri, ipv6=ipv6)))

    def _body(self, packed: bytes, nlri: bytes, *, ipv6: bool) -> bytes:
        if self._attributes is None:
            if not ipv6:
                return bytes(Update.prefix(nlri) + Update.prefix(b""))
            unreach = attribute(MP_UNREACH_NLRI, IPV6_UNICAST + nlri)
            return bytes(Update.prefix(b"") + Update.prefix(unreach))
        if not ipv6:
            return bytes(Update.prefix(b"") + Update.prefix(packed) + nlri)
        next_hop = self._attributes.next_hop.packed
        reach = attribute(MP_REACH_NLRI, IPV6_UNICAST + bytes((len(next_hop),)) + next_hop + b"\0" + nlri)
        return bytes(Update.prefix(b"") + Update.prefix(packed + reach))


class AdjRibOutQueue:
    """Pending changes for one neighbour, in ExaBGP's place of an ``OutgoingRIB``."""

    def __init__(self, families: Any) -> None:
        self.families = families
        self.sending = False
        self._pending: dict[Key, PathAttributes | None] = {}

    def announce(self, attributes: PathAttributes, keys: Iterable[Key]) -> None:
        for key in keys:
            self._pending.pop(key, None)
            self._pending[key] = attributes

    def withdraw(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._pending.pop(key, None)
            self._pending[key] = None

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is half sent."""
        return not self._pending and not self.sending

    # What a session of ExaBGP calls.

    def pending(self) -> bool:
        return bool(self._pending)

    def updates(self, grouped: bool) -> Iterator[PendingUpdate]:
        batch, self._pending = self._pending, {}
        groups: dict[PathAttributes | None, list[Key]] = {}
        for key, attributes in batch.items():
            groups.setdefault(attributes, []).append(key)
        self.sending = True
        if None in groups:
            yield PendingUpdate(None, groups.pop(None))
        for attributes, keys in groups.items():
            yield PendingUpdate(attributes, keys)
        self.sending = False

    def reset(self) -> None:
        self._pending = {}
        self.sending = False

    clear = reset

    def resend(self, enhanced: bool, family: Any = None) -> None:
        """Route refresh (RFC 2918) is not offered, so a peer never asks."""

    def replace_restart(self, previous: Any, new: Any) -> None:
        """The session is up; the engine has queued everything already."""

    def replace_reload(self, previous: Any, new: Any) -> None:
        """Routes never come from ExaBGP's configuration."""

    def delete_cached_family(self, families: Any) -> None:
        """Nothing is cached."""
