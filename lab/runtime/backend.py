"""Where the nodes of a lab live: the seam between namespaces of our own and containers.

Everything that is not said here, the wiring and all that watches, asks and breaks a lab, is the same
on both: a node is a network namespace by its descriptor, a daemon a process by its pid.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab.plan.types import Plan
from lab.runtime.dataplane import Place
from lab.runtime.forks import SpeakerHost
from lab.runtime.netns import NetworkNamespace

if TYPE_CHECKING:
    from lab.runtime.rundir import RunFolder


@dataclass(frozen=True)
class Entrance:
    """Descriptors of the namespaces that lead to a node, by kind (``joining.KINDS``); whoever asks closes
    them. ``bounding``: the capabilities that are left to a command there, as bits; None: all."""

    kinds: tuple[str, ...]
    fds: tuple[int, ...]
    bounding: int | None = None


class CharonHost(Protocol):
    """Begins the charon of a tunnel's end."""

    async def start(self, place: Place, folder: Path, log: Path) -> int:
        """Its pid. It finds its settings in the folder, and in the place what ``steering`` has put
        there. Raises BackendError."""


class Mender(Protocol):
    """What is to be done where nodes may go and come again; both on the event loop."""

    async def gone(self, name: str) -> None:
        """That namespace, with all that was in it, is about to be no more."""

    async def back(self, name: str) -> None:
        """It is there again, and empty. Raises BackendError or OSError."""

    def failed(self, name: str, problem: str) -> None:
        """It is not back yet, and will be tried again."""


class Backend(Protocol):
    """``settle`` and ``create`` come before the event loop, in this order."""

    name: str
    rootless: bool

    @property
    def speakers(self) -> SpeakerHost: ...

    @property
    def charons(self) -> CharonHost: ...

    def settle(self) -> None:
        """In the supervisor, while nobody has told it yet what to build."""

    def log_to(self, log: int) -> None:
        """What its own processes have to say goes to this descriptor."""

    def programs(self) -> Mapping[str, str | None]:
        """What a data plane's programs lack here, by its name, and what to do; None where nothing."""

    def create(self, plan: Plan, folder: RunFolder) -> Generator[dict[str, NetworkNamespace], None, None]:
        """The namespaces of the plan and of its tunnels' ends (``TunnelEnd.own_namespace``), some at a
        time, as soon as they are there. Raises BackendError; nothing is begun any more once it is closed."""

    def watch(self, mender: Mender) -> None:
        """Nodes that go come again from now on, on the event loop that runs."""

    def entrance(self, namespace: NetworkNamespace) -> Entrance:
        """For a process of ours that is to look from there. Raises BackendError."""

    def inside(self, namespace: NetworkNamespace) -> Entrance:
        """For a command of the user's that is to run there. Raises BackendError."""

    def close(self) -> None:
        """The end of the lab, however far it came: what would outlive the supervisor is gone. Raises
        BackendError."""
