"""What this kernel can do, found out by doing it in a scratch namespace.

Module lists lie and stripped kernels have none. ``choose`` picks the mechanisms of a lab;
``probe_all`` answers ``mseelab doctor``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lab.errors import BackendError
from lab.runtime import netns, plugins, xfrm
from lab.runtime.dataplane import DataPlane
from lab.runtime.isolation import run_isolated
from lab.runtime.kernel import Kernel
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import node_environment, run_in
from lab.runtime.tags import Tagging, VlanTagging, VxlanTagging
from lab.runtime.userspace import Userspace

TCP_MD5SIG = 14
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000


@dataclass(frozen=True)
class Mechanisms:
    """What a lab on this kernel uses."""

    tagging: Tagging
    obstacles: Mapping[str, str | None] = field(default_factory=dict)
    """What keeps each data plane of IPsec tunnels from working here, and what to do about it; None where
    nothing does."""
    dataplane: DataPlane | None = None
    """The one that is chosen for a plan; None where there is none."""
    dataplane_reason: str | None = None


@dataclass(frozen=True)
class Finding:
    """One primitive that was tried. ``needed``: no lab without it."""

    primitive: str
    works: bool
    needed: bool
    detail: str


def choose(programs: Mapping[str, str | None]) -> Mechanisms:
    """Pick for this kernel; raises BackendError when it lacks what every lab needs. ``programs``: what
    each data plane's lack."""
    scratch = netns.create("scratch", forwarding=False)
    try:
        obstacles = _obstacles(scratch, programs)
        if _tried(_vlan, scratch) is None:
            return Mechanisms(VlanTagging(), obstacles)
        problem = _tried(_vxlan, scratch)
        if problem is None:
            return Mechanisms(VxlanTagging(), obstacles)
        raise BackendError(
            f"this kernel has neither 802.1Q nor VXLAN interfaces ({problem})",
            hint="load the module 8021q or vxlan: `modprobe vxlan`",
        )
    finally:
        os.close(scratch.fd)


def obstacles_here() -> dict[str, str | None]:
    """What keeps each data plane from working, tried in a scratch namespace."""
    scratch = netns.create("scratch", forwarding=False)
    try:
        return _obstacles(scratch, programs_here())
    finally:
        os.close(scratch.fd)


def programs_here() -> dict[str, str | None]:
    """What the programs of each data plane lack on this host, and what to do about it."""
    if shutil.which("charon-systemd", path=node_environment()["PATH"]) is None:
        missing = "charon-systemd is not installed: `make setup`, or `apt install charon-systemd`"
        return {Kernel.name: missing, Userspace.name: missing}
    return {
        Kernel.name: plugins.lacking(plugins.OPENSSL),
        Userspace.name: plugins.lacking(plugins.OPENSSL, plugins.LIBIPSEC),
    }


def _obstacles(scratch: NetworkNamespace, programs: Mapping[str, str | None]) -> dict[str, str | None]:
    tried = {Kernel.name: _no_kernel, Userspace.name: _no_userspace}
    return {name: programs[name] or attempt(scratch) for name, attempt in tried.items()}


def _no_kernel(scratch: NetworkNamespace) -> str | None:
    """What keeps the kernel from carrying tunnels here; None when nothing does."""
    for what, attempt in KERNEL_NEEDS.items():
        problem = _tried(attempt, scratch)
        if problem is not None:
            return f"this kernel has no {what} ({problem})"
    return None


def _no_userspace(scratch: NetworkNamespace) -> str | None:
    """What keeps charon from carrying tunnels here itself; None when nothing does."""
    problem = _tried(_tun, scratch)
    if problem is not None:
        return f"/dev/net/tun is not open to you ({problem}): `sudo chmod 0666 /dev/net/tun`, or run as root"
    return None


def _tried(attempt: Callable[[NetworkNamespace], None], namespace: NetworkNamespace) -> str | None:
    """None when it works, else what the kernel said."""
    try:
        with namespace.entered():
            attempt(namespace)
    except NetlinkError as error:
        return os.strerror(int(error.code))
    except OSError as error:
        return error.strerror or str(error)
    except BackendError as error:
        return error.message
    return None


def _link(kind: str, **details: object) -> None:
    with IPRoute() as ipr:
        ipr.link("add", ifname="try0", kind=kind, **details)
        ipr.link("del", index=ipr.link_lookup(ifname="try0")[0])


def _veth(_: NetworkNamespace) -> None:
    _link("veth", peer="try1")


def _bridge(_: NetworkNamespace) -> None:
    _link("bridge")


def _vlan(_: NetworkNamespace) -> None:
    with IPRoute() as ipr:
        ipr.link("add", ifname="try1", kind="veth", peer="try2")
        parent = ipr.link_lookup(ifname="try1")[0]
        try:
            ipr.link("add", ifname="try0", kind="vlan", link=parent, vlan_id=100, vlan_protocol=0x8100)
        finally:
            ipr.link("del", index=parent)


def _vxlan(_: NetworkNamespace) -> None:
    _link("vxlan", vxlan_id=1, vxlan_local="192.0.2.1", vxlan_group="192.0.2.2", vxlan_port=4789)


def _xfrm_interface(_: NetworkNamespace) -> None:
    _link("xfrm", xfrm_if_id=1)


def _esp(proposal: str) -> Callable[[NetworkNamespace], None]:
    return lambda namespace: xfrm.try_association(namespace, proposal)


def _nftables(namespace: NetworkNamespace) -> None:
    chain = "chain c { type filter hook forward priority filter; ct state established accept; }"
    result = run_in(namespace, ["nft", "-f", "-"], stdin=f"table inet try {{ {chain}; }}")
    if result.returncode != 0:
        raise BackendError(result.output.strip().splitlines()[0])


def _qdisc(kind: str, **details: object) -> None:
    with IPRoute() as ipr:
        ipr.link("add", ifname="try0", kind="veth", peer="try1")
        index = ipr.link_lookup(ifname="try0")[0]
        try:
            ipr.tc("add", kind, index, handle="1:", **details)
        finally:
            ipr.link("del", index=index)


def _netem(_: NetworkNamespace) -> None:
    _qdisc("netem", delay=1000)


def _tbf(_: NetworkNamespace) -> None:
    _qdisc("tbf", rate="1mbit", burst=2048, latency="50ms")


def _tcp_md5(_: NetworkNamespace) -> None:
    """struct tcp_md5sig (tcp(7)): peer address, flags, prefix length, key length, key."""
    address = b"\x02\x00\x00\x00" + IPv4Address("192.0.2.1").packed + bytes(120)
    with socket.socket() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, address + b"\0\0\3\0" + bytes(4) + b"key" + bytes(77))


def _tun(_: NetworkNamespace) -> None:
    """The device ends with its descriptor (linux/if_tun.h)."""
    with Path("/dev/net/tun").open("r+b", buffering=0) as tun:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"try0", IFF_TUN | IFF_NO_PI))


KERNEL_NEEDS = {
    "xfrm interfaces": _xfrm_interface,
    "ESP with AES-GCM": _esp("aes256gcm16"),
    "ESP with AES-CBC": _esp("aes256-sha1"),
}

ATTEMPTS: tuple[tuple[str, bool, Callable[[NetworkNamespace], None], str], ...] = (
    ("veth", True, _veth, "wires"),
    ("bridge", True, _bridge, "zone LANs, subnets, the provider's cross-connect"),
    ("802.1Q", False, _vlan, "tags on the provider's trunk; VXLAN takes its place"),
    ("vxlan", False, _vxlan, "tags on the provider's trunk where 802.1Q is missing"),
    ("nftables", True, _nftables, "firewalls and packet filters"),
    ("tcp-md5", False, _tcp_md5, "shared_key on a peering"),
    ("xfrm-interface", False, _xfrm_interface, "IPsec in the kernel"),
    ("esp-aes-gcm", False, _esp("aes256gcm16"), "IPsec in the kernel"),
    ("esp-aes-cbc", False, _esp("aes256-sha1"), "IPsec in the kernel"),
    ("esp-3des", False, _esp("3des-sha1"), "IPsec in the kernel by old policies"),
    ("esp-des", False, _esp("des-sha1"), "IPsec in the kernel by old policies"),
    ("tun", False, _tun, "IPsec in user space"),
    ("netem", False, _netem, "delay, jitter and reordering faults"),
    ("tbf", False, _tbf, "rate limits"),
)


def probe_all() -> list[Finding]:
    """Try everything in scratch namespaces. Raises BackendError as ``isolate`` does."""
    return [Finding(**entry) for entry in run_isolated(_probe)]


def _probe() -> list[dict[str, object]]:
    scratch = netns.create("scratch", forwarding=False)
    return [
        asdict(_finding(name, needed, attempt, purpose, scratch))
        for name, needed, attempt, purpose in ATTEMPTS
    ]


def _finding(
    name: str,
    needed: bool,
    attempt: Callable[[NetworkNamespace], None],
    purpose: str,
    scratch: NetworkNamespace,
) -> Finding:
    problem = _tried(attempt, scratch)
    return Finding(name, problem is None, needed, purpose if problem is None else f"{purpose}: {problem}")


def kernel_release() -> str:
    return Path("/proc/sys/kernel/osrelease").read_text().strip()
