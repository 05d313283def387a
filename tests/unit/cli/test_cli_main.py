"""The command line as a whole: verbs, help, exit codes, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_fake_lab import LAB, fake_lab

from lab.cli import HIDDEN_ALIASES, MODULES, VERBS, cli, run
from lab.errors import BackendError, ExpectationError, InputError, LabError

MSEELAB = [sys.executable, "-m", "lab"]

HEAVY = {
    "asyncio",
    "docker",
    "exabgp",
    "pydantic",
    "pyroute2",
    "requests",
    "rich",
    "scapy",
    "yaml",
    "lab.model",
    "lab.bgp",
}
"""What a command that only prints or asks does not wait for."""


def imported(*words: str) -> set[str]:
    """The modules a command line imports, packages included."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lab", *words], capture_output=True, text=True, check=True
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time:" in line}


# Verbs and help.


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == 0
    assert f"Usage: mseelab {verb}" in capsys.readouterr().out


def test_help_lists_every_verb_and_no_alias(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-h"]) == 0
    words = capsys.readouterr().out.partition("Commands:")[2].split()
    assert set(VERBS) <= set(words)
    assert not set(HIDDEN_ALIASES) & set(words)


@pytest.mark.parametrize("words", [["inspect", "-h"], ["show", "-h"], ["show", "routes", "-h"]])
def test_short_help_works_everywhere(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize(("alias", "verb"), HIDDEN_ALIASES.items())
def test_a_habit_from_elsewhere_means_our_verb(alias: str, verb: str) -> None:
    context = cli.make_context("mseelab", [alias])
    assert cli.get_command(context, alias) is cli.get_command(context, verb)


def test_an_unknown_verb_suggests_the_close_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspct"]) == 2
    assert capsys.readouterr().err == "mseelab: there is no verb 'inspct'\n  hint: did you mean inspect?\n"


def test_an_unknown_verb_like_no_other_points_to_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["xyzzy"]) == 2
    assert "`mseelab --help` lists them" in capsys.readouterr().err


def test_no_verb_at_all_prints_the_help_and_is_a_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "Commands:" in "".join(capsys.readouterr())


def test_a_wrong_option_is_a_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--nosuch"]) == 2
    assert "No such option" in capsys.readouterr().err


# Exit codes.


Raise = Callable[[BaseException], None]


@pytest.fixture
def list_raises(monkeypatch: pytest.MonkeyPatch) -> Raise:
    """``list_raises(error)``: `mseelab list` ends in that error."""

    def install(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr("lab.cli.list_labs.running_labs", fail)

    return install


@pytest.mark.parametrize(
    ("error", "code"),
    [(ExpectationError("false"), 1), (InputError("wrong"), 2), (BackendError("no"), 3)],
)
def test_an_error_of_ours_is_two_lines_and_an_exit_code(
    error: LabError, code: int, list_raises: Raise, capsys: pytest.CaptureFixture[str]
) -> None:
    error.hint = "try harder"
    list_raises(error)
    assert run(["list"]) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"mseelab: {error.message}\n  hint: try harder\n"


def test_an_interrupt_is_130_without_a_traceback(
    list_raises: Raise, capsys: pytest.CaptureFixture[str]
) -> None:
    list_raises(KeyboardInterrupt())
    assert run(["list"]) == 130
    assert capsys.readouterr().err == "mseelab: interrupted\n"


def test_a_bug_of_ours_is_not_hidden(list_raises: Raise) -> None:
    list_raises(AssertionError("a bug"))
    with pytest.raises(AssertionError):
        run(["list"])


@pytest.mark.parametrize("words", [["--help"], ["schema"], ["plan", "expressroute-basic"]])
def test_a_reader_that_stops_reading_is_no_error(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*MSEELAB, *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_locale_without_utf8_is_no_error(tmp_path: Path) -> None:
    topology = tmp_path / "t.yaml"
    topology.write_text("name: t\n\N{SNOWMAN}: 1\n", encoding="utf-8")
    done = subprocess.run(
        [*MSEELAB, "validate", str(topology)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == ""
    assert r"'\u2603': unknown property" in done.stdout


# Options from the environment.


def test_an_option_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MSEELAB_UP_TIMEOUT", "soon")
    assert run(["up", "expressroute-basic"]) == 2
    assert "'soon' is not a valid float" in capsys.readouterr().err


# What is imported.


def test_help_imports_nothing_heavy() -> None:
    assert not imported("--help") & HEAVY


def test_help_of_a_verb_imports_nothing_heavy() -> None:
    assert not imported("capture", "--help") & HEAVY


def test_help_imports_no_verb() -> None:
    assert not imported("--help") & {f"lab.cli.{MODULES.get(verb, verb)}" for verb in VERBS}


INSPECT = """
import sys
from pathlib import Path
from lab.cli import run
import lab.runtime.rundir as rundir
rundir._base_candidate = lambda: Path(sys.argv[1])
code = run(["inspect", "-f", "json", "--name", "demo"])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def test_inspect_as_json_imports_nothing_heavy(tmp_path: Path) -> None:
    with fake_lab(tmp_path, "demo", {"inspect": LAB}):
        done = subprocess.run(
            [sys.executable, "-c", INSPECT, str(tmp_path)], capture_output=True, text=True, check=True
        )
    assert '"lab": "demo"' in done.stdout
    assert not set(done.stderr.split()) & HEAVY
