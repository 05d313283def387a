"""Network namespaces held by file descriptor: nothing is written under /run/netns.

A namespace lives as long as a descriptor of it or a process in it; when the supervisor
ends, its own are gone. ``setns`` moves a thread: whoever enters one does so alone in its thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from lab.errors import BackendError
from lab.runtime import syscalls

if TYPE_CHECKING:
    from lab.plan.types import Namespace

SELF = "/proc/thread-self/ns/net"

SETTINGS = Path("/proc/sys/net")

SYSCTLS: Mapping[str, str] = {
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/conf/all/arp_ignore": "1",
    "ipv4/conf/all/arp_announce": "2",
    "ipv4/conf/default/ignore_routes_with_linkdown": "1",
    "ipv4/fib_multipath_hash_policy": "1",
    "ipv4/icmp_ratelimit": "0",
    "ipv4/icmp_msgs_per_sec": "100000",
    "ipv4/icmp_msgs_burst": "10000",
    "ipv4/tcp_syn_retries": "2",
    "ipv6/conf/all/disable_ipv6": "0",
    "ipv6/conf/default/disable_ipv6": "0",
    "ipv6/conf/all/accept_ra": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/ignore_routes_with_linkdown": "1",
    "ipv6/conf/default/keep_addr_on_down": "1",
    "ipv6/fib_multipath_hash_policy": "1",
    "ipv6/icmp/ratelimit": "0",
    "bridge/bridge-nf-call-iptables": "0",
    "bridge/bridge-nf-call-ip6tables": "0",
    "bridge/bridge-nf-call-arptables": "0",
}
"""Every namespace: asymmetric paths are normal, ECMP hashes the 5-tuple, an interface answers
ARP only for its own addresses, and a TCP connection attempt gives up after 7 s so that a
session comes back soon after its link does. A router sends nothing into a port without carrier, and
an interface that is set down keeps its IPv6 addresses as it does those of IPv4. ICMP errors are not
rationed: many flows to a closed port get an answer each. No duplicate address detection (RFC 4862):
while it goes on, for a second or two, a router resolves no IPv6 neighbour for what it forwards. A switch
passes on what it gets: a host with br_netfilter would ask the filters of IP."""

FORWARDING_SYSCTLS = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")

HASH_SEED = "ipv4/fib_multipath_hash_seed"
"""Of ECMP, for both IP versions (Linux 6.11). All namespaces of a kernel have the same seed otherwise, so
that a router would send all that it gets from the one before it by one next hop of several."""


HASH_POLICY, HASH_FIELDS = "fib_multipath_hash_policy", "fib_multipath_hash_fields"
BY_FIELDS, FIVE_TUPLE = "3", "55"
"""Of ECMP, for each IP version (Linux 5.14; the kernel's ip-sysctl.rst). With policy 1, by which older ones
have to do, a router between namespaces takes the number that the sender's kernel has drawn for a TCP
connection, and draws again after each timeout (``sk_txhash``): one that loses its segments would change
its way, which no router of a network lets it."""


GONE = -1


class NetworkNamespace:
    """One namespace, by its descriptor. Where it goes and comes again, as that of a container, its name
    stays, and so does this object."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self.fd = fd

    def leave(self) -> None:
        """It has gone, as far as we are concerned."""
        if self.fd != GONE:
            os.close(self.fd)
        self.fd = GONE

    def duplicate(self) -> int:
        """A descriptor of it for somebody else. Raises BackendError while there is none."""
        if self.fd == GONE:
            raise BackendError(f"{self.name} is not there", hint="it is being started again")
        return os.dup(self.fd)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in the namespace for a while. Raises BackendError while there is none."""
        if self.fd == GONE:
            raise BackendError(f"{self.name} is not there", hint="it is being started again")
        home = os.open(SELF, os.O_RDONLY | os.O_CLOEXEC)
        try:
            syscalls.setns(self.fd, syscalls.CLONE_NEWNET)
            try:
                yield
            finally:
                syscalls.setns(home, syscalls.CLONE_NEWNET)
        finally:
            os.close(home)


def set_interface(
    namespace: NetworkNamespace, ifname: str, key: str, value: str, *, family: str = "ipv4"
) -> None:
    """A setting of one interface, as ``accept_local``."""
    with namespace.entered():
        _sysctl(f"{family}/conf/{ifname}/{key}", value)


def create(name: str, *, forwarding: bool) -> NetworkNamespace:
    """A new namespace with our settings, its loopback still down."""
    home = os.open(SELF, os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        try:
            namespace = NetworkNamespace(name, os.open(SELF, os.O_RDONLY | os.O_CLOEXEC))
            _settle(name, forwarding=forwarding)
        finally:
            syscalls.setns(home, syscalls.CLONE_NEWNET)
    finally:
        os.close(home)
    return namespace


def create_all(namespaces: Iterable[Namespace]) -> dict[str, NetworkNamespace]:
    """Each of these of a plan, by name."""
    return {each.name: create(each.name, forwarding=each.forwarding) for each in namespaces}


def settle(namespace: NetworkNamespace, *, forwarding: bool) -> None:
    """Our settings for one that somebody else created."""
    with namespace.entered():
        _settle(namespace.name, forwarding=forwarding)


def _settle(name: str, *, forwarding: bool) -> None:
    for key, value in SYSCTLS.items():
        _sysctl(key, value)
    _sysctl(HASH_SEED, str(crc32(name.encode())))
    for family in ("ipv4", "ipv6"):
        if (SETTINGS / family / HASH_FIELDS).exists():
            _sysctl(f"{family}/{HASH_FIELDS}", FIVE_TUPLE)
            _sysctl(f"{family}/{HASH_POLICY}", BY_FIELDS)
    if forwarding:
        for key in FORWARDING_SYSCTLS:
            _sysctl(key, "1")


def _sysctl(key: str, value: str) -> None:
    """Settings of a feature the kernel lacks (IPv6, multipath) are passed over."""
    path = SETTINGS / key
    if path.exists():
        path.write_text(value)
