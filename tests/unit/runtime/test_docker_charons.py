"""charon's containers, which are started again with their wires; the containers are processes that wait."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tunnel_ends import END

from lab.errors import BackendError
from lab.runtime import steering
from lab.runtime.dataplane import Place
from lab.runtime.docker.backend import ContainerCharons
from lab.runtime.netns import GONE, NetworkNamespace

HERE = NetworkNamespace(END.own_namespace, GONE)
PLACE = Place(END, HERE, NetworkNamespace(END.namespace, GONE), 0)


class PlayedPods:
    """One container; its first process is real."""

    def __init__(self) -> None:
        self.process = self._begin()
        self.pod = SimpleNamespace(pid=self.process.pid)

    def __getitem__(self, _name: str) -> Any:
        return self.pod

    def restart(self, pod: Any) -> None:
        """As an engine does: one that runs is left as it is."""
        if self.process.poll() is not None:
            self.process = self._begin()
        pod.pid = self.process.pid

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def _begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sleep", "60"])


@pytest.fixture
def pods() -> Iterator[PlayedPods]:
    pods = PlayedPods()
    yield pods
    pods.end()


def test_one_that_got_no_wire_is_not_taken_for_one_that_has(
    pods: PlayedPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired: list[int] = []

    def connect(_place: Place) -> None:
        wired.append(pods.pod.pid)
        if len(wired) == 1:
            raise BackendError("no wire")

    monkeypatch.setattr(steering, "connect", connect)
    charons = ContainerCharons()
    charons.pods = pods  # type: ignore[assignment]

    async def start() -> int:
        return await charons.start(PLACE, Path(), Path())

    first = asyncio.run(start())
    assert wired == []  # the lab wires what it begins with
    pods.end()
    with pytest.raises(BackendError, match="no wire"):
        asyncio.run(start())
    assert pods.process.wait(timeout=20) != 0
    assert asyncio.run(start()) == pods.pod.pid
    assert len({first, *wired}) == 3
    assert wired[-1] == pods.pod.pid
