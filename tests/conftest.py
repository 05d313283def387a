"""What all tests share: golden files, and the container engine where there is one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import own_labs
import pytest
from hypothesis import HealthCheck, settings

from lab.errors import BackendError

if TYPE_CHECKING:
    from lab.runtime.docker.engine import Engine

settings.register_profile("busy-host", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-host")

collect_ignore = ["golden"]
"""Scenarios that are wrong on purpose are not collected as tests."""

Golden = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files anew instead of comparing with them"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """``golden(file, text)``: the file holds the text, or is rewritten with --update-golden."""

    def compare(file: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"{file} is missing; --update-golden writes it"
        assert text == file.read_text(encoding="utf-8"), f"{file} differs; see --update-golden"

    return compare


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "docker: needs a container engine; skipped where there is none")
    # Tests interrupt what they start, and themselves; in the background of a shell script that is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if _is_first(config):
        own_labs.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    left = own_labs.end_all() if _is_first(config) else []
    if left:
        print("ended labs that tests had left:", *left)  # noqa: T201


def _is_first(config: pytest.Config) -> bool:
    """Whether this is the process that somebody started, not one that runs tests for it."""
    return not hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine that labs can run on; the test is skipped, and says why, where there is none."""
    from lab.runtime.docker.engine import connect

    try:
        found = connect()
        found.require()
    except BackendError as error:
        pytest.skip(f"no container engine for labs: {error.message}; {error.hint}")
    yield found
    found.close()


@pytest.fixture(scope="session")
def containers(engine: Engine) -> Engine:
    """An engine that has the images, too."""
    from lab.runtime.docker.images import require

    try:
        require(engine)
    except BackendError as error:
        pytest.skip(f"{error.message}; {error.hint}")
    return engine
