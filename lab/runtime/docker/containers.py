"""Which containers a plan wants: one for each namespace, and one for each end of a tunnel. Pure.

A container has the least that its daemon can do with: no network but the one it is wired to, a root file
system that it cannot write, no capability but those for its own network, no more memory and processes
than it has ever a use for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.plan.tunnels import TunnelEnd
from lab.plan.types import Namespace, Plan
from lab.runtime.docker.images import BASE, EXABGP, STRONGSWAN
from lab.runtime.docker.recipes import version
from lab.runtime.rundir import RunFolder

LAB, FOLDER, VERSION, NODE = "mseelab.lab", "mseelab.folder", "mseelab.version", "mseelab.node"
"""Labels. The folder is the lab's identity: there is one lab at a time in it."""

INSIDE = "/run/mseelab"
"""Where a container has what it shares with the supervisor."""
SOCKET = "lab.sock"
"""On which the supervisor waits for the zygote of a speaker's container."""
CHARON_LOG = "/var/log/charon.log"
LIFELINE = "/run/lifeline"
"""A pipe that the supervisor holds open: reading from it ends when the supervisor does (fifo(7))."""
TUN = "/dev/net/tun"

MIB = 1 << 20


@dataclass(frozen=True)
class Container:
    """``namespace``: the name of the one it is. ``options``: as the engine's API wants them."""

    name: str
    namespace: str
    forwarding: bool
    image: str
    memory: int
    capabilities: tuple[str, ...] = ("NET_ADMIN", "NET_RAW")
    mounts: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None

    def host_options(self) -> dict[str, Any]:
        """What the engine calls the host's part of it."""
        return {
            "network_mode": "none",
            "read_only": True,
            "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m"},
            "cap_drop": ["ALL"],
            "cap_add": list(self.capabilities),
            "security_opt": ["no-new-privileges"],
            "mem_limit": self.memory,
            "memswap_limit": self.memory,
            "pids_limit": 64,
            "binds": [f"{source}:{target}:rw" for target, source in self.mounts.items()],
            "devices": [f"{device}:{device}:rwm" for device in self.devices],
            "log_config": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
        }


def containers(plan: Plan, folder: RunFolder, *, tun: bool) -> list[Container]:
    """Those that take longest to be of use come first. ``tun``: the host has that device."""
    speaking = {speaker.namespace for speaker in plan.speakers}
    speakers = [_speaker(plan, each, folder) for each in plan.namespaces if each.name in speaking]
    charons = [_charon(plan, end, folder, tun=tun) for end in plan.tunnels]
    others = [_plain(plan, each, folder) for each in plan.namespaces if each.name not in speaking]
    return [*speakers, *charons, *others]


def labels(container: Container, plan: Plan, folder: RunFolder) -> dict[str, str]:
    return {
        LAB: plan.name,
        FOLDER: str(folder.path),
        VERSION: version(),
        NODE: container.namespace,
    }


def shared(folder: RunFolder, namespace: str) -> Path:
    """What the container of a speaker shares with the supervisor, on the host."""
    return folder.path / "nodes" / namespace.replace("/", ".")


def lifeline(folder: RunFolder) -> Path:
    """On the host."""
    return folder.path / "lifeline"


def _name(plan: Plan, namespace: str) -> str:
    """The engine allows letters, digits, ``_``, ``.`` and ``-``."""
    return f"mseelab-{plan.name}-{namespace.replace('/', '.').replace('~', '_')}"


def _plain(plan: Plan, namespace: Namespace, folder: RunFolder) -> Container:
    """A host, or a router that speaks no BGP: nothing runs there but what somebody types."""
    return Container(
        _name(plan, namespace.name),
        namespace.name,
        namespace.forwarding,
        BASE,
        64 * MIB,
        mounts={LIFELINE: str(lifeline(folder))},
        entrypoint=("tini", "--", "sh", "-c", f"read _ <{LIFELINE}"),
    )


def _speaker(plan: Plan, namespace: Namespace, folder: RunFolder) -> Container:
    """Its zygote ends when the supervisor's end of their socket is closed."""
    return Container(
        _name(plan, namespace.name),
        namespace.name,
        namespace.forwarding,
        EXABGP,
        512 * MIB,
        mounts={INSIDE: str(shared(folder, namespace.name))},
    )


def _charon(plan: Plan, end: TunnelEnd, folder: RunFolder, *, tun: bool) -> Container:
    """A pipe is no log that charon could open, so its words go to a file of the lab's. As the first process
    of its container it ends by signals from inside only where it handles them (pid_namespaces(7))."""
    return Container(
        _name(plan, end.own_namespace),
        end.own_namespace,
        False,
        STRONGSWAN,
        128 * MIB,
        mounts={
            INSIDE: str(folder.tunnel(end.own_namespace)),
            CHARON_LOG: str(folder.log(f"charon.{end.own_namespace}")),
            LIFELINE: str(lifeline(folder)),
        },
        capabilities=("NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW"),
        devices=(TUN,) if tun else (),
        entrypoint=(
            "sh",
            "-c",
            f"(read _ <{LIFELINE}; kill -TERM 1) & exec charon-systemd >>{CHARON_LOG} 2>&1",
        ),
    )
