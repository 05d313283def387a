"""The one adapter over pyroute2: our words in, its errors translated.

A ``Router`` speaks netlink inside one namespace. Interface indexes are looked up once.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from socket import AF_INET, AF_INET6, IPPROTO_ESP, IPPROTO_UDP
from types import TracebackType
from typing import Any, Self

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lab.bgp.route import Address, Prefix
from lab.errors import BackendError
from lab.runtime.netns import NetworkNamespace

IFA_F_NODAD = 0x02
RTNH_F_ONLINK = 0x4
RTPROT_STATIC = 4
RT_SCOPE_LINK = 253
RT_TABLE_LOCAL = 255
IFF_UP, IFF_LOWER_UP = 0x1, 0x10000


def hardware_address(namespace: str, ifname: str) -> str:
    """The same whenever the interface is made, as that of a port is: who remembers it is right also when a
    node has gone and come again. Locally administered, one station's (IEEE 802-2014 section 8.2)."""
    return "02:" + sha256(f"{namespace}:{ifname}".encode()).digest()[:5].hex(":")


_numbers = itertools.count(1000)
"""For interfaces that must not have a number the kernel gives to others."""


class UnreachableError(BackendError):
    """The kernel knows no way to a next hop."""


@contextmanager
def _explained(what: str, namespace: str) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        code = int(error.code)
        kind = UnreachableError if code == errno.ENETUNREACH else BackendError
        raise kind(f"{namespace}: {what}: {os.strerror(code)}", hint=_hint(code)) from error


def _hint(code: int) -> str | None:
    if code == errno.EOPNOTSUPP:
        return "this kernel lacks the device type; `mseelab doctor` shows what it has"
    if code == errno.EPERM:
        return "the user namespace does not give network rights; see `mseelab doctor`"
    return None


@dataclass(frozen=True)
class InterfaceState:
    """An interface as it is now. ``carrier``: the other end is there and up."""

    ifname: str
    up: bool
    carrier: bool
    addresses: tuple[IPv4Interface | IPv6Interface, ...]


class Router:
    """Netlink in ``namespace``; a context manager, because the socket must be closed."""

    def __init__(self, namespace: NetworkNamespace) -> None:
        self.namespace = namespace
        self._indexes: dict[str, int] = {"lo": 1}

    def __enter__(self) -> Self:
        with self.namespace.entered():
            self._ipr = IPRoute()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ipr.close()

    def index(self, ifname: str) -> int:
        """The interface's index; BackendError when there is no such interface."""
        if not self.has(ifname):
            raise BackendError(f"{self.namespace.name}: no interface {ifname}")
        return self._indexes[ifname]

    def has(self, ifname: str) -> bool:
        if ifname not in self._indexes:
            self._indexes = {link.get_attr("IFLA_IFNAME"): link["index"] for link in self._ipr.get_links()}
        return ifname in self._indexes

    def add_link(self, ifname: str, kind: str, **details: Any) -> None:
        with _explained(f"add {kind} interface {ifname}", self.namespace.name):
            self._ipr.link("add", ifname=ifname, kind=kind, **details)

    def add_veth(self, ifname: str, peer: str, peer_namespace: NetworkNamespace, mtu: int) -> None:
        """Two interfaces with different numbers: of one that has its peer's, in another namespace, the kernel
        tells the carrier up to a second late (net/core/link_watch.c, linkwatch_urgent_event), and a bridge
        forwards nothing by it until then."""
        with _explained(f"add veth {ifname}", self.namespace.name):
            self._ipr.link(
                "add",
                ifname=ifname,
                kind="veth",
                index=next(_numbers),
                mtu=mtu,
                address=hardware_address(self.namespace.name, ifname),
                peer={
                    "ifname": peer,
                    "net_ns_fd": peer_namespace.fd,
                    "mtu": mtu,
                    "address": hardware_address(peer_namespace.name, peer),
                },
            )

    def change_link(self, ifname: str, **details: Any) -> None:
        with _explained(f"set {ifname} {details}", self.namespace.name):
            self._ipr.link("set", index=self.index(ifname), **details)

    def segments(self, ifname: str) -> int:
        """How many segments the interface may be given in one packet, to send them one by one."""
        with _explained(f"look at {ifname}", self.namespace.name):
            (link,) = self._ipr.get_links(self.index(ifname))
        return int(link.get_attr("IFLA_GSO_MAX_SEGS"))

    def give_away(self, ifname: str, namespace: NetworkNamespace, new_name: str) -> None:
        """Move an interface to another namespace, under another name."""
        with _explained(f"move {ifname} to {namespace.name}", self.namespace.name):
            self._ipr.link("set", index=self.index(ifname), net_ns_fd=namespace.fd, ifname=new_name)

    def add_stand_in(self, ifname: str) -> None:
        """An interface that is up and leads nowhere: a bridge without ports, which every kernel has."""
        self._indexes.pop(ifname, None)
        self.add_link(ifname, "bridge")
        self.change_link(ifname, state="up")

    def remove_link(self, ifname: str) -> None:
        """An absent one is fine, also one that goes meanwhile: a wire goes with the other namespace."""
        self._indexes = {"lo": 1}
        for index in self._ipr.link_lookup(ifname=ifname):
            with _explained(f"remove {ifname}", self.namespace.name):
                try:
                    self._ipr.link("del", index=index)
                except NetlinkError as error:
                    if error.code != errno.ENODEV:
                        raise

    def add_address(self, ifname: str, address: IPv4Interface | IPv6Interface) -> None:
        flags = {"flags": IFA_F_NODAD} if address.version == 6 else {}
        with _explained(f"add address {address} to {ifname}", self.namespace.name):
            self._ipr.addr(
                "add",
                index=self.index(ifname),
                address=str(address.ip),
                prefixlen=address.network.prefixlen,
                **flags,
            )

    def set_route(
        self,
        prefix: Prefix,
        next_hops: tuple[Address, ...],
        ifname: str | None = None,
        *,
        onlink: bool = False,
        source: Address | None = None,
        table: int | None = None,
        metric: int | None = None,
    ) -> None:
        """The static route to ``prefix``, whatever it was before; no next hop and no interface:
        a blackhole. ``source``: what packets of our own come from. ``table``: another than the main
        one. ``metric``: the lowest wins, none is 0; routes of other metrics stay."""
        route: dict[str, Any] = {"dst": str(prefix), "proto": RTPROT_STATIC}
        if ifname is not None:
            route["oif"] = self.index(ifname)
            if not next_hops:
                route["scope"] = RT_SCOPE_LINK
        if source is not None:
            route["prefsrc"] = str(source)
        if table is not None:
            route["table"] = table
        if metric is not None:
            route["priority"] = metric
        if onlink:
            route["flags"] = RTNH_F_ONLINK
        if len(next_hops) == 1:
            route["gateway"] = str(next_hops[0])
        elif next_hops:
            route["multipath"] = [{"gateway": str(hop)} for hop in next_hops]
        elif ifname is None:
            route["type"] = "blackhole"
        with _explained(f"set route {prefix}", self.namespace.name):
            self._ipr.route("replace", **route)

    def remove_route(self, prefix: Prefix, *, metric: int | None = None) -> None:
        """No static route to ``prefix`` any more, with ``metric`` none of that; one that is gone already is
        fine."""
        which = {} if metric is None else {"priority": metric}
        with _explained(f"remove route {prefix}", self.namespace.name):
            try:
                self._ipr.route("del", dst=str(prefix), proto=RTPROT_STATIC, **which)
            except NetlinkError as error:
                if error.code != errno.ESRCH:
                    raise

    def flush_routes(self, protocol: int) -> None:
        """Remove every route that carries this protocol number."""
        with _explained(f"remove routes of protocol {protocol}", self.namespace.name):
            self._ipr.flush_routes(proto=protocol)

    def steer_udp(
        self, source: Address, destination: Address, port: int, table: int, *, priority: int
    ) -> None:
        """Look such datagrams up in ``table``, even if the destination is our own address."""
        ports = {"ip_proto": IPPROTO_UDP, "dport_range": f"{port}:{port}"}
        self._steer(source, destination, ports, table, priority)

    def steer_esp(self, source: Address, destination: Address, table: int, *, priority: int) -> None:
        """The same for ESP as an IP protocol of its own."""
        self._steer(source, destination, {"ip_proto": IPPROTO_ESP}, table, priority)

    def _steer(
        self, source: Address, destination: Address, what: dict[str, Any], table: int, priority: int
    ) -> None:
        with _explained(f"add rule for packets from {source}", self.namespace.name):
            self._ipr.rule(
                "add", src=str(source), dst=str(destination), table=table, priority=priority, **what
            )

    def defer_local_addresses(self, priority: int) -> None:
        """Rules before ``priority`` may then take packets to our own addresses; without this the kernel
        looks there first, and nothing can stand before."""
        with _explained("move the rule for local addresses", self.namespace.name):
            self._ipr.rule("add", table=RT_TABLE_LOCAL, priority=priority)
            self._ipr.rule("del", table=RT_TABLE_LOCAL, priority=0)

    def interfaces(self) -> Iterator[InterfaceState]:
        """Every interface with its addresses."""
        addresses: dict[int, list[IPv4Interface | IPv6Interface]] = {}
        for entry in self._ipr.get_addr():
            value = entry.get_attr("IFA_LOCAL") or entry.get_attr("IFA_ADDRESS")
            addresses.setdefault(entry["index"], []).append(ip_interface(f"{value}/{entry['prefixlen']}"))
        for link in self._ipr.get_links():
            yield InterfaceState(
                link.get_attr("IFLA_IFNAME"),
                bool(link["flags"] & IFF_UP),
                bool(link["flags"] & IFF_LOWER_UP),
                tuple(addresses.get(link["index"], ())),
            )

    def has_neighbor(self, address: Address) -> bool:
        """Whether ARP or neighbour discovery has an answer for ``address``."""
        for entry in self._ipr.get_neighbours(family=AF_INET if address.version == 4 else AF_INET6):
            if entry.get_attr("NDA_DST") == str(address):
                return entry.get_attr("NDA_LLADDR") is not None
        return False
