"""Labs for tests. Every test in this folder starts real ones and is marked so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab_client import Lab, eventually, marked_processes, mseelab, new_mark, unique

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.lab)


Start = Callable[..., Lab]


def _started(topology: str, name: str) -> Lab:
    mark, name = new_mark(), unique(name)
    done = mseelab("up", topology, "--name", name, mark=mark)
    assert done.returncode == 0, done.stdout + done.stderr
    return Lab(name, mark)


def _ended(lab: Lab) -> None:
    done = mseelab("down", "--name", lab.name)
    assert done.returncode == 0, done.stderr
    eventually(f"nothing is left of {lab.name}", lambda: not marked_processes(lab.mark))


@pytest.fixture
def start_lab() -> Iterator[Start]:
    """``start_lab(topology, name)`` brings a lab up; all are taken down at the end."""
    started: list[Lab] = []

    def start(topology: str, name: str) -> Lab:
        started.append(_started(topology, name))
        return started[-1]

    yield start
    for lab in started:
        _ended(lab)


@pytest.fixture(scope="session")
def reference() -> Iterator[Lab]:
    """The reference lab, one for all tests that only look at it."""
    lab = _started("expressroute-vpn", "test-reference")
    yield lab
    _ended(lab)


@pytest.fixture(scope="session")
def secured() -> Iterator[Lab]:
    """The reference lab with its tunnels, to be ill-treated: each test leaves it whole."""
    lab = _started("expressroute-vpn", "test-secured")
    yield lab
    _ended(lab)
