"""Two charons set up by hand, with a wire between them: what a tunnel carries without a lab around it.

Or with as many routers between them as in the lab, which tells what the way costs and what the lab does.

Runs in a child process with namespaces of its own, like a lab. strongSwan's own files and commands, none
of ours; plugins, ESP proposal and MTU are those of the lab's tunnel that it is compared with.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from itertools import pairwise
from pathlib import Path

from lab.bench.sending import LISTENING, RECEIVE, SEND, mbit_per_second
from lab.runtime import netns
from lab.runtime.isolation import own_mounts, run_isolated
from lab.runtime.netlink import Router
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import node_environment, run_in
from lab.timing import CHARON_LISTENS, Budget, wait_until

ESTABLISHED = Budget("pair-established", 10.0)

SETTINGS = """\
charon-systemd {{
  load = {plugins}
  install_routes = no
  filelog {{ log {{ path = charon.log }} }}
  plugins {{ vici {{ socket = unix://vici.sock }} }}
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
LEFT, RIGHT, TUN = "left", "right", "ipsec0"


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
class _Side:
    namespace: NetworkNamespace
    folder: Path
    outer: IPv4Interface
    inner: IPv4Interface


@dataclass(frozen=True)
class _Way:
    ifname: str
    next_hop: IPv4Address


def throughput(like: Like, seconds: float, *, routers: int = 0) -> float:
    """Mbit/s of TCP through the pair's tunnel. Raises BackendError."""
    return float(run_isolated(lambda: _throughput(like, seconds, routers)))


def _throughput(like: Like, seconds: float, routers: int) -> float:
    own_mounts()
    with tempfile.TemporaryDirectory() as folder:
        near, far = (_side(Path(folder), number) for number in (1, 2))
        ways = _join(near, far, routers)
        for side, other in ((near, far), (far, near)):
            _start(side, other, like)
        for side, other, way in ((near, far, ways[0]), (far, near, ways[1])):
            _route(side, other, like, way)
        wait_until(
            "the pair's association",
            lambda: _swanctl(near, "--initiate", "--child", "any"),
            lambda done: done == 0,
            ESTABLISHED,
        )
        return _measure(near, far, seconds)


def _side(folder: Path, number: int) -> _Side:
    own = folder / str(number)
    own.mkdir()
    outer, inner = IPv4Interface(f"192.0.2.{number}/32"), IPv4Interface(f"10.255.0.{number}/32")
    return _Side(netns.create(f"pair{number}", forwarding=False), own, outer, inner)


def _join(near: _Side, far: _Side, routers: int) -> tuple[_Way, _Way]:
    """A line of wires, the left end of each ``right`` and the other ``left``; the way out of either end."""
    between = [netns.create(f"router{number}", forwarding=True) for number in range(routers)]
    line = [near.namespace, *between, far.namespace]
    for number, (one, next_one) in enumerate(pairwise(line)):
        left, right = (IPv4Interface(f"198.18.{number}.{end}/31") for end in (0, 1))
        with Router(one) as router:
            router.add_veth(RIGHT, LEFT, next_one, mtu=1500)
            router.add_address(RIGHT, left)
            router.change_link(RIGHT, state="up")
        with Router(next_one) as router:
            router.add_address(LEFT, right)
            router.change_link(LEFT, state="up")
            router.set_route(near.outer.network, (left.ip,), LEFT)
        with Router(one) as router:
            router.set_route(far.outer.network, (right.ip,), RIGHT)
    return _Way(RIGHT, IPv4Address("198.18.0.1")), _Way(LEFT, IPv4Address(f"198.18.{routers}.0"))


def _start(side: _Side, other: _Side, like: Like) -> None:
    with Router(side.namespace) as router:
        router.change_link("lo", state="up")
        for address in (side.inner, side.outer):
            router.add_address("lo", address)
    (side.folder / "strongswan.conf").write_text(SETTINGS.format(plugins=like.plugins))
    (side.folder / "swanctl.conf").write_text(
        CONNECTION.format(
            local=side.outer.ip,
            remote=other.outer.ip,
            local_inner=side.inner.ip,
            remote_inner=other.inner.ip,
            proposal=like.proposal,
            key=NO_SECRET,
        )
    )
    with side.namespace.entered():
        subprocess.Popen(
            ["charon-systemd"],
            cwd=side.folder,
            env=node_environment() | {"STRONGSWAN_CONF": "strongswan.conf"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    wait_until("charon", lambda: _swanctl(side, "--load-all"), lambda done: done == 0, CHARON_LISTENS)


def _route(side: _Side, other: _Side, like: Like, way: _Way) -> None:
    """Into the device of the plugin, or towards the peer, where the kernel's policies take the packets."""
    with Router(side.namespace) as router:
        if like.has_device:
            router.change_link(TUN, mtu=like.mtu, state="up")
            router.set_route(other.inner.network, (), TUN, source=side.inner.ip)
        else:
            router.set_route(other.inner.network, (way.next_hop,), way.ifname, source=side.inner.ip)


def _swanctl(side: _Side, *words: str) -> int:
    config = ["--file", str(side.folder / "swanctl.conf")] if words[0] == "--load-all" else []
    uri = ["--uri", f"unix://{side.folder}/vici.sock"]
    return run_in(side.namespace, ["swanctl", *words, *config, *uri]).returncode


def _measure(near: _Side, far: _Side, seconds: float) -> float:
    with far.namespace.entered():
        receiver = subprocess.Popen(RECEIVE, stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    assert receiver.stdout.readline() == LISTENING
    done = run_in(near.namespace, [*SEND, str(far.inner.ip), str(seconds)])
    return mbit_per_second(done.output, receiver.communicate(timeout=60)[0])
