"""What a shell gets when it asks for completions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_fake_lab import LAB, fake_lab
from click.shell_completion import BashComplete

from lab.cli import COMPLETE_VARIABLE, VERBS, cli, run
from lab.model.shipped import shipped_names
from lab.runtime.rundir import RunFolder


def completed(*words: str) -> set[str]:
    """The values offered for the last word."""
    asking = BashComplete(cli, {}, "mseelab", COMPLETE_VARIABLE)
    return {
        item.value for item in asking.get_completions(list(words[:-1]), words[-1]) if item.type == "plain"
    }


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    monkeypatch.setattr("lab.runtime.rundir._base_candidate", lambda: tmp_path)
    monkeypatch.delenv("MSEELAB_NAME", raising=False)
    with fake_lab(tmp_path, "demo", {"inspect": LAB}) as folder:
        yield folder


def test_verbs_are_completed() -> None:
    assert completed("") >= set(VERBS)
    assert completed("sh") == {"show", "shell"}


def test_completing_a_verb_imports_none() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from lab.cli import main; main()"],
        capture_output=True,
        text=True,
        env=os.environ | {COMPLETE_VARIABLE: "bash_complete", "COMP_WORDS": "mseelab ins", "COMP_CWORD": "1"},
        check=True,
    )
    assert done.stdout == "plain,inspect\n"
    assert "lab.cli.inspect" not in done.stderr


def test_options_and_their_values_are_completed() -> None:
    assert "--follow" in completed("events", "--f")
    assert completed("inspect", "-f", "") == {"text", "json"}
    assert completed("show", "") == {"routes", "bgp", "tunnels", "arp", "fib"}


def test_shipped_topologies_are_completed_beside_files() -> None:
    assert completed("validate", "") == set(shipped_names())
    assert completed("graph", "expressroute-b") == {"expressroute-basic"}


@pytest.mark.usefixtures("running")
def test_nodes_of_the_running_lab_are_completed() -> None:
    assert completed("why", "") == {"ce1", "ce1/core", "app1"}
    assert completed("show", "fib", "ce1/") == {"ce1/core"}
    assert completed("events", "--node", "a") == {"app1"}


@pytest.mark.usefixtures("running")
def test_labs_and_interfaces_are_completed() -> None:
    assert completed("inspect", "--name", "") == {"demo"}
    assert completed("capture", "ce1") == {"ce1:to-pe1"}


def test_without_a_lab_nothing_is_completed_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.runtime.rundir._base_candidate", lambda: tmp_path)
    assert completed("why", "") == set()
    assert completed("why", "--name", "nosuch", "") == set()
    assert completed("capture", "") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_our_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert COMPLETE_VARIABLE in script
    assert "mseelab" in script


def test_bash_accepts_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
