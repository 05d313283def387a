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
from dataclasses import dataclass
from typing import Any

from exabgp.bgp.message.refresh import RouteRefresh
from exabgp.bgp.message.update import Update

from lab.agent.codec import encode
from lab.bgp.route import PathAttributes, Prefix

Key = tuple[Prefix, int]
"""A prefix and its path identifier (RFC 7911; 0 without add-path)."""

MP_REACH_NLRI, MP_UNREACH_NLRI = 14, 15
IPV6_UNICAST = struct.pack("!HB", 2, 1)
ROOM = 4096 - 19 - 4
"""Octets left in a message for withdrawn routes, attributes and NLRI (RFC 4271 4.1, 4.3)."""
MP_REACH_OVERHEAD = 4 + 3 + 1 + 16 + 1
"""What stands around the NLRI of MP_REACH_NLRI with one IPv6 next hop (RFC 4760 section 3)."""
MP_UNREACH_OVERHEAD = 4 + 3
LONGEST_NLRI = 4 + 1 + 16


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


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """Prefixes with equal attributes (or to be withdrawn, without): some UPDATE messages."""

    attributes: PathAttributes | None
    keys: list[Key]

    def messages(self, negotiated: Any, include_withdraw: bool = True) -> Iterator[bytes]:
        """The messages in wire format; the same call as ``exabgp...Update.messages``.

        Attributes that leave no room for a prefix must not be advertised (RFC 4271 section
        9.2), and what the peer knew before no longer holds: the prefixes are withdrawn.
        """
        ipv6 = self.keys[0][0].version == 6
        add_path = negotiated.addpath.send(2 if ipv6 else 1, 1)
        packed = b"" if self.attributes is None else encode(self.attributes).pack(negotiated)
        room = ROOM - len(packed) - (MP_REACH_OVERHEAD if ipv6 else 0)
        if packed and room >= LONGEST_NLRI:
            for nlri in blobs(self.keys, room, add_path=add_path):
                yield self._message(self._announcement(packed, nlri, ipv6=ipv6))
        elif include_withdraw:
            for nlri in blobs(self.keys, ROOM - (MP_UNREACH_OVERHEAD if ipv6 else 0), add_path=add_path):
                yield self._message(self._withdrawal(nlri, ipv6=ipv6))

    @staticmethod
    def _message(body: bytes) -> bytes:
        return bytes(Update([], b"")._message(body))

    @staticmethod
    def _withdrawal(nlri: bytes, *, ipv6: bool) -> bytes:
        if not ipv6:
            return bytes(Update.prefix(nlri) + Update.prefix(b""))
        unreach = attribute(MP_UNREACH_NLRI, IPV6_UNICAST + nlri)
        return bytes(Update.prefix(b"") + Update.prefix(unreach))

    def _announcement(self, packed: bytes, nlri: bytes, *, ipv6: bool) -> bytes:
        if not ipv6:
            return bytes(Update.prefix(b"") + Update.prefix(packed) + nlri)
        assert self.attributes is not None
        next_hop = self.attributes.next_hop.packed
        reach = attribute(MP_REACH_NLRI, IPV6_UNICAST + bytes((len(next_hop),)) + next_hop + b"\0" + nlri)
        return bytes(Update.prefix(b"") + Update.prefix(packed + reach))


class AdjRibOutQueue:
    """Pending changes for one neighbour, in ExaBGP's place of an ``OutgoingRIB``."""

    def __init__(self, families: Any) -> None:
        self.families = families
        self.sending = False
        self._pending: dict[Key, PathAttributes | None] = {}
        self._refreshed: tuple[int, int] | None = None

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
        return not self.pending() and not self.sending

    # What a session of ExaBGP calls.

    def pending(self) -> bool:
        return bool(self._pending) or self._refreshed is not None

    def updates(self, grouped: bool) -> Iterator[Any]:
        """PendingUpdates; after an enhanced route refresh, between its two markers."""
        batch, self._pending = self._pending, {}
        refreshed, self._refreshed = self._refreshed, None
        groups: dict[PathAttributes | None, list[Key]] = {}
        for key, attributes in batch.items():
            groups.setdefault(attributes, []).append(key)
        self.sending = True
        if refreshed:
            yield RouteRefresh(*refreshed, RouteRefresh.start)
        if None in groups:
            yield PendingUpdate(None, groups.pop(None))
        for attributes, keys in groups.items():
            yield PendingUpdate(attributes, keys)
        if refreshed:
            yield RouteRefresh(*refreshed, RouteRefresh.end)
        self.sending = False

    def reset(self) -> None:
        self._pending = {}
        self._refreshed = None
        self.sending = False

    clear = reset

    def resend(self, enhanced: bool, family: Any = None) -> None:
        """The peer asked for a route refresh, and the agent has queued what it shall get.

        With the enhanced one (RFC 7313 section 4) the peer is told where it begins and ends.
        """
        if enhanced and family in self.families:
            self._refreshed = family

    def replace_restart(self, previous: Any, new: Any) -> None:
        """The session is up; the engine has queued everything already."""

    def replace_reload(self, previous: Any, new: Any) -> None:
        """Routes never come from ExaBGP's configuration."""

    def delete_cached_family(self, families: Any) -> None:
        """Nothing is cached."""
