"""Two charons set up by hand: what a tunnel carries that is not the lab's.

strongSwan's own files and commands, none of ours; plugins, ESP proposal and MTU are those of the lab's
tunnel that it is compared with. Either with nothing but a wire between them, in namespaces of their
own, or wherever else two ends can be reached by a command.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from lab.bench.sending import transfer
from lab.runtime import netns
from lab.runtime.isolation import own_mounts, run_isolated
from lab.runtime.netlink import Router
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import node_environment
from lab.timing import CHARON_LISTENS, PATIENCE, Budget, wait_until

ESTABLISHED = Budget("pair-established", 10.0 * PATIENCE)

SETTINGS = """\
charon-systemd {{
  load = {plugins}
  install_routes = no
  filelog {{ log {{ path = {folder}/charon.log }} }}
  plugins {{ vici {{ socket = unix://{folder}/vici.sock }} }}
}}
"""
CONNECTION = """\
connections {{
  pair {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    local {{ auth = psk }}
    remote {{ auth = psk }}
    children {{
      any {{
        local_ts = {local_inner}/32
        remote_ts = {remote_inner}/32
        esp_proposals = {proposal}
      }}
    }}
  }}
}}
secrets {{
  ike-pair {{ secret = "{key}" }}
}}
"""
NO_SECRET = "for-two-namespaces-of-a-benchmark"
PORT, TUN = "eth0", "ipsec0"


@dataclass(frozen=True)
class Like:
    """What the pair has in common with the lab's tunnel. ``proposal`` in strongSwan's keywords."""

    plugins: str
    proposal: str
    mtu: int

    @property
    def has_device(self) -> bool:
        return "kernel-libipsec" in self.plugins


@dataclass(frozen=True)
class End:
    """A namespace with the outer address and a way to the peer's: the words that run a command in it, its
    next hop, and a folder of its own."""

    enter: tuple[str, ...]
    folder: Path
    outer: IPv4Address
    inner: IPv4Address
    next_hop: IPv4Address

    def run(self, *words: str) -> int:
        """The exit code of a command there."""
        return subprocess.run([*self.enter, *words], env=node_environment(), capture_output=True).returncode

    def must(self, *words: str) -> None:
        subprocess.run([*self.enter, *words], env=node_environment(), capture_output=True, check=True)

    def swanctl(self, *words: str) -> int:
        return self.run("swanctl", *words, "--uri", f"unix://{self.folder}/vici.sock")


def over_a_wire(like: Like, seconds: float) -> float:
    """Mbit/s of TCP through the pair's tunnel. Raises BackendError."""
    return float(run_isolated(lambda: _over_a_wire(like, seconds)))


def _over_a_wire(like: Like, seconds: float) -> float:
    own_mounts()
    with tempfile.TemporaryDirectory() as folder:
        namespaces = [netns.create(f"pair{number}", forwarding=False) for number in (0, 1)]
        _join(*namespaces)
        near, far = (
            end(_entering(namespace), Path(folder), number, _outer(number), _outer(1 - number))
            for number, namespace in enumerate(namespaces)
        )
        establish(near, far, like)
        return transfer(near.enter, far.enter, far.inner, seconds)


def end(enter: tuple[str, ...], folder: Path, number: int, outer: IPv4Address, next_hop: IPv4Address) -> End:
    """One of two, numbered 0 and 1."""
    own = folder / str(number)
    own.mkdir()
    return End(enter, own, outer, IPv4Address(f"10.255.0.{number}"), next_hop)


def establish(near: End, far: End, like: Like) -> None:
    """The two have a tunnel. The charons end with whoever owns their namespaces. Raises BackendError."""
    for one, other in ((near, far), (far, near)):
        _start(one, other, like)
        _route(one, other, like)
    wait_until(
        "the pair's association",
        lambda: near.swanctl("--initiate", "--child", "any"),
        lambda code: code == 0,
        ESTABLISHED,
    )


def _outer(number: int) -> IPv4Address:
    return IPv4Address(f"192.0.2.{number}")


def _join(near: NetworkNamespace, far: NetworkNamespace) -> None:
    with Router(near) as router:
        router.add_veth(PORT, PORT, far, mtu=1500)
    for number, namespace in enumerate((near, far)):
        with Router(namespace) as router:
            router.add_address(PORT, IPv4Interface((_outer(number), 31)))
            for ifname in ("lo", PORT):
                router.change_link(ifname, state="up")


def _entering(namespace: NetworkNamespace) -> tuple[str, ...]:
    return ("nsenter", f"--net=/proc/{os.getpid()}/fd/{namespace.fd}", "--")


def _start(one: End, other: End, like: Like) -> None:
    settings, connection = one.folder / "strongswan.conf", one.folder / "swanctl.conf"
    settings.write_text(SETTINGS.format(plugins=like.plugins, folder=one.folder))
    connection.write_text(
        CONNECTION.format(
            local=one.outer,
            remote=other.outer,
            local_inner=one.inner,
            remote_inner=other.inner,
            proposal=like.proposal,
            key=NO_SECRET,
        )
    )
    one.must("ip", "address", "add", f"{one.inner}/32", "dev", "lo")
    subprocess.Popen(
        [*one.enter, "charon-systemd"],
        env=node_environment() | {"STRONGSWAN_CONF": str(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(
        "charon",
        lambda: one.swanctl("--load-all", "--file", str(connection)),
        lambda code: code == 0,
        CHARON_LISTENS,
    )


def _route(one: End, other: End, like: Like) -> None:
    """Into the device of the plugin, or towards the peer, where the kernel's policies take the packets."""
    target = ("ip", "route", "add", f"{other.inner}/32", "src", str(one.inner))
    if like.has_device:
        one.must("ip", "link", "set", TUN, "mtu", str(like.mtu), "up")
        one.must(*target, "dev", TUN)
    else:
        one.must(*target, "via", str(one.next_hop), "dev", PORT, "onlink", "mtu", str(like.mtu))
