"""What all tests share: golden files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
