"""Labs for tests. Every test in this folder starts real ones and is marked so."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lab_client import Lab, bearable, eventually, marked_processes, mseelab, new_mark, unique
from plan_labs import Running, running_on
from tunnel_labs import HOST, OBSTACLES

from lab.runtime.names import DOCKER, NETNS

HERE = Path(__file__).parent

BACKENDS = [NETNS, pytest.param(DOCKER, marks=pytest.mark.docker)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.lab)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "data_plane: needs IPsec tunnels; runs on every data plane there is")
    config.addinivalue_line("markers", "everywhere: is true wherever nodes live; runs on every back end")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of tunnels run on each data plane, and those of what is the same everywhere on each back end;
    they are skipped where it is missing. The others say where they run as well, for what a session shares is
    made anew when its parameter changes, and for no parameter too."""
    if "plane" in metafunc.fixturenames and metafunc.definition.get_closest_marker("data_plane"):
        metafunc.parametrize("plane", [_plane(name) for name in OBSTACLES], indirect=True, scope="session")
    if "backend" in metafunc.fixturenames:
        everywhere = metafunc.definition.get_closest_marker("everywhere") is not None
        chosen = BACKENDS if everywhere else [pytest.param(NETNS, id=pytest.HIDDEN_PARAM)]
        metafunc.parametrize("backend", chosen, indirect=True, scope="session")


def _plane(name: str) -> Any:
    obstacle = OBSTACLES[name]
    skip = pytest.mark.skipif(obstacle is not None, reason=f"no {name} data plane here: {obstacle}")
    return pytest.param(name, id=name, marks=skip)


@pytest.fixture(scope="session")
def plane(request: pytest.FixtureRequest) -> str:
    """What carries the tunnels of a test's labs; for tests that do not care what `up` chooses."""
    asked: str = getattr(request, "param", "auto")
    return asked


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """Where the nodes of a test's labs live."""
    asked: str = getattr(request, "param", NETNS)
    if asked == DOCKER:
        request.getfixturevalue("containers")
    return asked


@pytest.fixture
def host_alone() -> Iterator[None]:
    """For tests that look whether the host is as it was, and those that change it: one at a time, also of
    several processes and runs."""
    with Path(tempfile.gettempdir(), f"mseelab-tests-{os.geteuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


Start = Callable[..., Lab]


def _started(topology: str, name: str, plane: str = "auto", backend: str = NETNS) -> Lab:
    mark, name = new_mark(), unique(name)
    where = ("--backend", backend, "--dataplane", plane)
    with bearable(topology) as borne:
        done = mseelab("up", borne, "--name", name, *where, mark=mark)
    assert done.returncode == 0, done.stdout + done.stderr
    return Lab(name, mark)


def _ended(lab: Lab) -> None:
    done = mseelab("down", "--name", lab.name)
    assert done.returncode == 0, done.stderr
    eventually(f"nothing is left of {lab.name}", lambda: not marked_processes(lab.mark))


@pytest.fixture
def start_lab(plane: str, backend: str) -> Iterator[Start]:
    """``start_lab(topology, name)`` brings a lab up; all are taken down at the end."""
    started: list[Lab] = []

    def start(topology: str, name: str) -> Lab:
        started.append(_started(topology, name, plane, backend))
        return started[-1]

    yield start
    for lab in started:
        _ended(lab)


@pytest.fixture
def running(backend: str) -> Running:
    """``with running(plan, budget) as lab``: the lab of a plan."""
    return partial(running_on, backend)


@pytest.fixture(scope="session")
def reference(backend: str) -> Iterator[Lab]:
    """The reference lab, one for all tests that only look at it."""
    lab = _started("expressroute-vpn", "test-reference", backend=backend)
    yield lab
    _ended(lab)


@pytest.fixture(scope="session")
def basic_lab(backend: str) -> Iterator[Lab]:
    """The smallest lab, to be ill-treated."""
    lab = _started("expressroute-basic", "test-basic", backend=backend)
    yield lab
    _ended(lab)


@pytest.fixture
def basic(basic_lab: Lab) -> Lab:
    """The same, recovered from the test before."""

    def states() -> set[str]:
        return {session["state"] for session in basic_lab.inspect()["bgp_sessions"]}

    eventually("all sessions are established", lambda: states() == {"established"}, 60)
    return basic_lab


@pytest.fixture(scope="session")
def secured_lab(plane: str, backend: str) -> Iterator[Lab]:
    """The reference lab with its tunnels, to be ill-treated."""
    lab = _started("expressroute-vpn", "test-secured", plane, backend)
    yield lab
    _ended(lab)


@pytest.fixture
def secured(secured_lab: Lab) -> Lab:
    """The same, recovered from the test before."""
    eventually("the tunnels carry packets again", lambda: secured_lab.reaches("vm-secure", HOST), 60)
    return secured_lab
