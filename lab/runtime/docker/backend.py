"""The Docker back end: nodes as containers, wired from outside by this process.

The supervisor is root beside the engine, in the host's PID namespace: there it finds the network
namespaces of containers, and counts their processes as the engine does. It watches the first process of
each. When that has ended, whoever ended it, the container is started again unless somebody else was
faster, and the lab is mended around it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Generator, Mapping
from pathlib import Path

from lab.errors import BackendError
from lab.plan.types import Plan
from lab.runtime import leftovers, steering
from lab.runtime.backend import Entrance, Mender
from lab.runtime.dataplane import Place
from lab.runtime.docker import images
from lab.runtime.docker.containers import (
    CHARON_LOG,
    LIFELINE,
    TUN,
    Container,
    containers,
    lifeline,
    shared,
)
from lab.runtime.docker.engine import connect
from lab.runtime.docker.pods import Pod, Pods, sweep
from lab.runtime.docker.speakers import ContainerSpeakers
from lab.runtime.halting import exit_of, restarts
from lab.runtime.names import DOCKER
from lab.runtime.netns import NetworkNamespace
from lab.runtime.rundir import RunFolder

INSIDE = ("ipc", "uts", "net", "pid", "mnt")
"""The namespaces of a container, in an order in which they can be entered."""


class Docker:
    """``Backend`` on an engine that answers here."""

    name = DOCKER
    rootless = False

    def settle(self) -> None:
        self.speakers = ContainerSpeakers()
        self.charons = ContainerCharons()
        self._begun: Pods | None = None
        self._keeping: list[asyncio.Task[None]] = []

    def log_to(self, log: int) -> None:
        """The engine keeps what containers say."""

    def programs(self) -> Mapping[str, str | None]:
        """The image has them all."""
        return {"kernel": None, "userspace": None}

    def create(self, plan: Plan, folder: RunFolder) -> Generator[dict[str, NetworkNamespace], None, None]:
        self._folder = folder
        engine = connect()
        engine.require()
        images.require(engine)
        leftovers.note_engine(folder, engine.address)
        _hold(lifeline(folder))
        self._begun = Pods(engine, plan, folder)
        ours = str(folder.path)
        sweep(engine, lambda path: path == ours or leftovers.dead(folder.path.parent, path))
        wanted = containers(plan, folder, tun=Path(TUN).exists())
        for speaker in plan.speakers:
            self.speakers.listen(speaker.namespace, shared(folder, speaker.namespace))
        for container in wanted:
            _prepare(container)
        self.charons.pods = self._pods
        self._nodes = {each.name for each in plan.namespaces}
        yield from self._pods.start(wanted)

    @property
    def _pods(self) -> Pods:
        assert self._begun is not None, "there is no container before create"
        return self._begun

    def watch(self, mender: Mender) -> None:
        nodes = [pod for pod in self._pods if pod.container.namespace in self._nodes]
        self._keeping = [asyncio.ensure_future(self._keep(pod, mender)) for pod in nodes]

    async def _keep(self, pod: Pod, mender: Mender) -> None:
        """Until the lab ends: what goes comes again."""
        name = pod.container.namespace
        while True:
            await exit_of(pod.pid)
            self.speakers.close_node(name)
            await mender.gone(name)
            pauses = restarts()
            while True:
                try:
                    await asyncio.to_thread(self._pods.restart, pod)
                    await mender.back(name)
                    break
                except (BackendError, OSError) as error:  # it may have ended again meanwhile
                    mender.failed(name, str(error))
                    await asyncio.sleep(pauses.next())
            self.speakers.open_node(name)

    def entrance(self, namespace: NetworkNamespace) -> Entrance:
        """A process of ours needs its own files, and is nobody's child in there."""
        return Entrance(("net",), (namespace.duplicate(),))

    def inside(self, namespace: NetworkNamespace) -> Entrance:
        pid = self._pods[namespace.name].pid
        try:
            fds = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in INSIDE]
            return Entrance(INSIDE, tuple(fds), _bounding(pid))
        except FileNotFoundError:
            raise BackendError(f"{namespace.name} is not there", hint="it is being started again") from None

    def close(self) -> None:
        """Without the engine no container can be removed, but none has to run on."""
        if self._begun is None:
            return
        try:
            self._pods.remove()
            leftovers.forget_engine(self._folder)
        except BackendError:
            self._pods.kill()
            raise


class ContainerCharons:
    """``CharonHost``: the first process of a container each, which are started with the nodes."""

    def __init__(self) -> None:
        self.pods: Pods
        self._used: set[int] = set()

    async def start(self, place: Place, _folder: Path, _log: Path) -> int:
        pod = self.pods[place.namespace.name]
        if pod.pid in self._used:
            await asyncio.to_thread(self._again, pod, place)
        self._used.add(pod.pid)
        return pod.pid

    def _again(self, pod: Pod, place: Place) -> None:
        """A container that is of no use without its wire ends, so that the next try has a new one."""
        self.pods.restart(pod)
        self._used.add(pod.pid)
        try:
            steering.connect(place)
        except BackendError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pod.pid, signal.SIGKILL)
            raise


def _prepare(container: Container) -> None:
    """What is mounted into it is there, or the engine would make it, and make a folder of it."""
    for target, source in container.mounts.items():
        if target == CHARON_LOG:
            os.close(os.open(source, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
        elif target != LIFELINE:
            Path(source).mkdir(mode=0o700, parents=True, exist_ok=True)


def _hold(pipe: Path) -> None:
    """Until this process ends, however it does: then who reads from the pipe ends, too. Those who do are
    nobody."""
    os.mkfifo(pipe)
    pipe.chmod(0o644)
    os.open(pipe, os.O_RDWR | os.O_CLOEXEC)  # which does not wait for a reader (fifo(7))


def _bounding(pid: int) -> int:
    """The capabilities that a process in there may have at most, as bits (capabilities(7))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapBnd":
            return int(value, 16)
    return 0
