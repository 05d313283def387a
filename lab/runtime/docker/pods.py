"""The containers of one lab: created and started side by side, started again, ended."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import docker

from lab.errors import BackendError
from lab.plan.types import Plan
from lab.runtime import netns
from lab.runtime.docker.containers import FOLDER, Container, labels
from lab.runtime.docker.engine import Engine
from lab.runtime.netns import NetworkNamespace
from lab.runtime.rundir import RunFolder

SIDE_BY_SIDE = 12
"""Containers that the engine is asked for at a time; it spends its own time waiting for the kernel."""

GONE_OR_GOING = (404, 409)
"""What the engine answers when a container is to be removed that somebody else has removed, or does just
now (Docker Engine API, ContainerDelete)."""

NO_CHECK = {"test": ["NONE"]}
"""The supervisor watches its daemons itself. The engine's checks of all containers would fall into the
same moment and disturb what is measured then."""


@dataclass
class Pod:
    """A container, its namespace, and the pid of its first process as this host counts."""

    container: Container
    namespace: NetworkNamespace
    identity: str
    pid: int


class Pods:
    """All containers of a lab, by the name of their namespace."""

    def __init__(self, engine: Engine, plan: Plan, folder: RunFolder) -> None:
        self._engine = engine
        self._plan = plan
        self._folder = folder
        self._all: dict[str, Pod] = {}

    def __getitem__(self, namespace: str) -> Pod:
        return self._all[namespace]

    def __iter__(self) -> Iterator[Pod]:
        return iter(self._all.values())

    def start(self, wanted: Sequence[Container]) -> Generator[dict[str, NetworkNamespace], None, None]:
        """Their namespaces, some at a time, as soon as they run. Raises BackendError."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            waiting = {pool.submit(self._create_and_start, each): each for each in wanted}
            try:
                while waiting:
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    yield dict(self._arrived(waiting.pop(future), future) for future in done)
            finally:
                pool.shutdown(cancel_futures=True)

    def _arrived(self, container: Container, future: Future[tuple[str, int]]) -> tuple[str, NetworkNamespace]:
        """In the thread that may enter namespaces."""
        identity, pid = future.result()
        namespace = NetworkNamespace(container.namespace, _namespace_of(container, pid))
        netns.settle(namespace, forwarding=container.forwarding)
        self._all[container.namespace] = Pod(container, namespace, identity, pid)
        return container.namespace, namespace

    def restart(self, pod: Pod) -> None:
        """It runs again, whoever started it, in a namespace that is new and settled. Blocks. Raises
        BackendError."""
        try:
            pod.pid = self._started(pod.container, pod.identity)
        except _MissingError:
            pod.identity, pod.pid = self._create_and_start(pod.container)
        pod.namespace.leave()
        pod.namespace.fd = _namespace_of(pod.container, pod.pid)
        netns.settle(pod.namespace, forwarding=pod.container.forwarding)

    def remove(self) -> None:
        """All of this lab. Raises BackendError."""
        sweep(self._engine, lambda folder: folder == str(self._folder.path))

    def kill(self) -> None:
        """They end, and the engine may find that out when it is back."""
        for pod in self:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pod.pid, signal.SIGKILL)

    def _create_and_start(self, container: Container) -> tuple[str, int]:
        """Its identity and the pid of its first process. Raises BackendError."""
        api = self._engine.client.api
        with self._engine.told(f"creating the container {container.name}"):
            identity: str = api.create_container(
                container.image,
                name=container.name,
                hostname=container.namespace.replace("/", "-").replace("~", "-"),
                entrypoint=container.entrypoint,
                labels=labels(container, self._plan, self._folder),
                healthcheck=NO_CHECK,
                network_disabled=True,  # or they share locks, which many that end at once never get (20.10)
                host_config=api.create_host_config(**container.host_options()),
            )["Id"]
        return identity, self._started(container, identity)

    def _started(self, container: Container, identity: str) -> int:
        """Raises _MissingError when there is no such container."""
        api = self._engine.client.api
        with self._engine.told(f"starting the container {container.name}"):
            try:
                api.start(identity)
                state: dict[str, Any] = api.inspect_container(identity)["State"]
            except docker.errors.NotFound as error:
                raise _MissingError(container.name) from error
        if not state["Pid"]:
            raise _ended_at_once(container)
        return int(state["Pid"])


class _MissingError(BackendError):
    """Somebody has removed the container."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the container {name} is gone", hint="did somebody remove it?")


def _ended_at_once(container: Container) -> BackendError:
    return BackendError(
        f"the container {container.name} ended at once", hint=f"`docker logs {container.name}` may tell why"
    )


def _namespace_of(container: Container, pid: int) -> int:
    try:
        return os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise _ended_at_once(container) from None


def sweep(engine: Engine, folders: Callable[[str], bool]) -> None:
    """The containers of the labs in these run folders end, and nothing is left of them. Only their labels
    say whose they are; one that is gone already is fine. Raises BackendError."""

    def left() -> list[str]:
        with engine.told("looking for containers"):
            found = engine.client.api.containers(all=True, filters={"label": FOLDER})
        return [each["Id"] for each in found if folders(each["Labels"][FOLDER])]

    def remove(identity: str) -> None:
        with engine.told("removing a container"):
            try:
                engine.client.api.remove_container(identity, force=True, v=True)
            except docker.errors.APIError as error:
                if error.status_code not in GONE_OR_GOING:
                    raise

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        while found := left():  # a supervisor that was killed may have asked for one more
            list(pool.map(remove, found))
