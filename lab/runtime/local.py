"""Nodes as namespaces of the supervisor itself, daemons as its descendants.

It is the init of namespaces of its own, so the kernel ends all of it with it: there is nothing to
watch and nothing to clean up.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import BackendError
from lab.ipsec.charon import SETTINGS, VICI_SOCKET
from lab.plan.types import Plan
from lab.runtime import capability, isolation, netns
from lab.runtime.apparmor import Program, without_its_profile
from lab.runtime.backend import Entrance, Mender
from lab.runtime.dataplane import Place
from lab.runtime.forks import Forks
from lab.runtime.names import NETNS
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import node_environment
from lab.runtime.zygote import fork_zygote, send_log

if TYPE_CHECKING:
    from lab.runtime.rundir import RunFolder


class Local:
    """``Backend`` without anything but the kernel."""

    name = NETNS

    def __init__(self, *, rootless: bool) -> None:
        self.rootless = rootless

    def settle(self) -> None:
        isolation.own_mounts()
        _, self._zygote = fork_zygote()
        self.speakers = Forks(self._zygote)
        self.charons = LocalCharons()
        kinds = ("user", "pid", "mnt") if self.rootless else ("pid", "mnt")
        self._own = {kind: os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds}

    def log_to(self, log: int) -> None:
        send_log(self._zygote, log)

    def programs(self) -> Mapping[str, str | None]:
        return capability.programs_here()

    def create(self, plan: Plan, _folder: RunFolder) -> Generator[dict[str, NetworkNamespace], None, None]:
        ends = {end.own_namespace: netns.create(end.own_namespace, forwarding=False) for end in plan.tunnels}
        yield netns.create_all(plan.namespaces) | ends

    def watch(self, mender: Mender) -> None:
        """A namespace stays."""

    def entrance(self, namespace: NetworkNamespace) -> Entrance:
        """By way of our own namespaces: only there a user without root has any rights, and only there
        does what is begun end with the lab."""
        return Entrance((*self._own, "net"), (*map(os.dup, self._own.values()), namespace.duplicate()))

    def inside(self, namespace: NetworkNamespace) -> Entrance:
        return self.entrance(namespace)

    def close(self) -> None:
        """The kernel does it."""


class LocalCharons:
    """``CharonHost``: children of this process."""

    def __init__(self) -> None:
        self._program: Program | None = None

    async def start(self, place: Place, folder: Path, log: Path) -> int:
        (folder / VICI_SOCKET).unlink(missing_ok=True)
        program = self._program = self._program or without_its_profile("charon-systemd", folder.parent)
        environment = node_environment() | {"STRONGSWAN_CONF": SETTINGS}
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            with place.namespace.entered():
                return subprocess.Popen(
                    [program.path],
                    pass_fds=program.descriptors,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                ).pid
        except FileNotFoundError:
            raise BackendError(
                "charon-systemd is not installed", hint="`make setup` installs what the lab needs"
            ) from None
        finally:
            os.close(stream)
