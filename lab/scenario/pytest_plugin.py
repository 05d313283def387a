"""pytest collects scenario files, one test each, and lends tests that need code a ``lab``.

Every pytest that can import mseelab loads this module, so it imports nothing of ours but names before
a scenario or a lab is asked for, and leaves alone whatever is not a scenario.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.runtime.names import AUTO, DOCKER, NETNS

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from lab.scenario.in_hand import LabInHand
    from lab.scenario.trial import Watcher

MARKERS = (
    "lab: starts real labs in namespaces; needs user namespaces or root",
    "topology(name, patch=None): what the `lab` fixture brings up",
)

PATIENCE, BACKEND = "--lab-patience", "--lab-backend"
BACKENDS = (AUTO, NETNS, DOCKER)


def pytest_addoption(parser: pytest.Parser) -> None:
    ours = parser.getgroup("mseelab")
    ours.addoption(
        PATIENCE,
        type=_factor,
        default=os.environ.get("MSEELAB_PATIENCE", "1"),
        metavar="FACTOR",
        help="multiplies how long a claim about a lab may take; more for a slow host",
    )
    ours.addoption(
        BACKEND,
        type=_backend,
        default=os.environ.get("MSEELAB_BACKEND", AUTO),
        metavar="|".join(BACKENDS),
        help="where nodes live: namespaces of the lab's own, or containers",
    )


def _factor(text: str) -> float:
    """Raises ValueError, which pytest words for its user."""
    factor = float(text)
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError
    return factor


def _backend(text: str) -> str:
    """Raises ValueError, as argparse holds only words of the command line to its choices."""
    if text not in BACKENDS:
        raise ValueError
    return text


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    from lab.scenario.discover import scenario_name

    if scenario_name(file_path) is None:
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


class ScenarioFile(pytest.File):
    """A file with one scenario in it. It is read when its test runs, not when it is found."""

    def collect(self) -> Iterable[ScenarioItem]:
        from lab.scenario.discover import scenario_name

        item = ScenarioItem.from_parent(self, name=scenario_name(self.path) or self.path.stem)
        item.add_marker("lab")
        return [item]


class ScenarioDidNotPassError(Exception):
    """Its text is what `mseelab test` prints."""


class ScenarioItem(pytest.Item):
    def runtest(self) -> None:
        from lab.errors import LabError
        from lab.scenario.load import load_scenario
        from lab.scenario.report_text import headline, scenario_text
        from lab.scenario.result import Outcome
        from lab.scenario.trial import Conditions, run, unique_name

        conditions = Conditions(
            patience=self.config.getoption(PATIENCE), backend=self.config.getoption(BACKEND)
        )
        try:
            loaded = load_scenario(self.path)
        except LabError as error:
            raise ScenarioDidNotPassError(error.message) from None
        result = run(loaded, unique_name(loaded.scenario.name), conditions, _warning_at(self))
        if result.skipped is not None:
            pytest.skip(result.skipped)
        if result.outcome is not Outcome.PASSED:
            raise ScenarioDidNotPassError(f"{headline(result)}\n{scenario_text(result)}")

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        if isinstance(excinfo.value, ScenarioDidNotPassError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[LabInHand]:
    """A running lab of the test's own: ``@pytest.mark.topology("expressroute-basic", patch={...})``.

    ``lab.expect(RoutePresent(...))`` and ``lab.do(Originate(...))`` are a scenario's steps;
    ``lab.running`` asks whatever else there is to ask.
    """
    from lab.errors import LabError
    from lab.scenario.in_hand import lab_in_hand

    marker = request.node.get_closest_marker("topology")
    if marker is None:
        pytest.fail('the lab fixture needs @pytest.mark.topology("NAME")', pytrace=False)
    patience, backend = request.config.getoption(PATIENCE), request.config.getoption(BACKEND)
    beside, watcher = request.path.parent, _warning_at(request.node)
    problem = None
    try:
        with lab_in_hand(
            *marker.args, **marker.kwargs, beside=beside, patience=patience, backend=backend, watcher=watcher
        ) as in_hand:
            yield in_hand
    except LabError as error:
        problem = error.message
    if problem is not None:  # not above, where pytest would call it the consequence of another error
        pytest.fail(problem, pytrace=False)


def _warning_at(node: pytest.Item) -> Watcher:
    """What a lab lacks on this host goes into pytest's summary of warnings."""
    from lab.scenario.trial import Watcher

    class Warner(Watcher):
        def warned(self, text: str) -> None:
            node.warn(pytest.PytestWarning(text))

    return Warner()
