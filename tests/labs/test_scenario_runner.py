"""`mseelab test` and the pytest plugin, on real labs."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from isolated import without_tools
from lab_client import (
    COMMAND,
    LIMIT_S,
    Lab,
    environment,
    eventually,
    marked_processes,
    mseelab,
    new_mark,
    start,
    unique,
)

TOPOLOGY = "expressroute-basic"
UP = "- {say: The session is up., session: {node: ce1/core, neighbor: msee1/private}}"
TUNNEL = "- {say: The tunnel is up., tunnel: {node: vpn1, peer: vpngw-secure-0}}"
THERE = "- {say: The network arrives., route: {node: ce1/core, prefix: 10.17.0.0/16, as_path: [12076]}}"
LATER = "- {say: Never looked at., session: {node: ce2/core, neighbor: msee2/private}}"
ANNOUNCED = "- {say: One more., originate: {node: core1, prefixes: [10.98.0.0/24]}}"
ARRIVED = "- {say: It arrives., route: {node: ce1/core, prefix: 10.98.0.0/24, peer: core1, as_path: []}}"
BROKEN = (
    "- {say: The prefix stays away., no_route: {node: ce1/core, prefix: 10.17.0.0/16, holds_for: keepalive}}"
)


HURRY = ("--patience", "0.05")
"""What is false at the first look stays so."""


def written(folder: Path, name: str, *steps: str, topology: str = TOPOLOGY) -> Path:
    file = folder / f"{name}.yaml"
    lines = [f"name: {name}", f"topology: {topology}", "steps:", *(f"  {step}" for step in steps)]
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return file


def running(name: str) -> bool:
    """Whether the lab of the scenario of that name has come up."""
    labs = json.loads(mseelab("list", "-f", "json").stdout)
    return any(lab["name"].startswith(name) and lab["state"] == "running" for lab in labs)


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark of the test's own: when the test is over nothing with it is left."""
    mark = new_mark()
    yield mark
    eventually("nothing is left", lambda: not marked_processes(mark))


@pytest.fixture
def false(tmp_path: Path) -> Path:
    return written(tmp_path, unique("false"), UP, THERE, BROKEN, LATER)


# Claims.


@pytest.mark.everywhere
def test_claims_that_hold_exit_with_0_and_leave_nothing(tmp_path: Path, mark: str, backend: str) -> None:
    name = unique("true")
    file = written(tmp_path, name, UP, ANNOUNCED, ARRIVED)
    done = mseelab("test", str(file), "--backend", backend, mark=mark)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == name
    assert [line.split()[0] for line in lines[1:5]] == ["up", "ok", "ok", "ok"]
    assert lines[-1].startswith("1 passed in ")
    assert "\x1b" not in done.stdout, "no colours in a pipe"
    assert name not in mseelab("list").stdout


@pytest.mark.everywhere
def test_a_false_claim_exits_with_1_and_says_all_there_is(false: Path, mark: str, backend: str) -> None:
    done = mseelab("test", str(false), *HURRY, "--backend", backend, mark=mark)
    assert done.returncode == 1, done.stdout + done.stderr
    facts = {line[:15].strip(): line[17:] for line in done.stdout.splitlines() if line.startswith("    ")}
    assert facts["claim"].startswith("ce1/core has no route to 10.17.0.0/16")
    assert facts["seen"].startswith("10.17.0.0/16 from msee1/private: AS path 12076")
    assert facts["because"].startswith("ce1/core, from ce2/core: accepted by import policy")
    assert facts["later"].startswith("nor ")
    assert "hold time 10 s" in facts["waited"]
    assert "Never looked at." not in done.stdout
    assert "1 step not run" in done.stdout
    assert f"{false}, step 3: The prefix stays away." in done.stdout


def test_a_lab_that_does_not_come_up_exits_with_3_whatever_else_is_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    done = without_tools("test", str(written(tmp_path, "no-tools", UP)))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "nft is not installed" in done.stdout
    assert "1 with an error" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


# Files.


def test_a_wrong_file_exits_with_2_and_starts_nothing(tmp_path: Path, mark: str) -> None:
    good = written(tmp_path, "good", UP)
    wrong = written(tmp_path, "wrong", UP.replace("ce1/core", "ce7/core"))
    other = written(tmp_path, "other", UP.replace("session:", "sesion:"))
    done = mseelab("test", str(good), str(wrong), str(other), mark=mark)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{wrong}:4:" in done.stderr
    assert f"{other}:4:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_is_all_scenarios_in_it_run_side_by_side_and_told_in_order(
    tmp_path: Path, mark: str
) -> None:
    names = [unique(name) for name in ("alpha", "beta", "gamma")]
    for name in names:
        written(tmp_path, name, UP)
    (tmp_path / "notes.yaml").write_text("nothing: of ours\n", encoding="utf-8")
    done = mseelab("test", str(tmp_path), "-j", "3", mark=mark)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line in names] == names


# Reports.


def test_reports_hold_what_happened_and_no_topology(false: Path, tmp_path: Path, mark: str) -> None:
    good = written(tmp_path, unique("fine"), UP)
    junit, folder = tmp_path / "junit.xml", tmp_path / "reports" / "latest"
    reports = ("--junit", str(junit), "--report", str(folder), "-f", "json")
    done = mseelab("test", str(good), str(false), *HURRY, *reports, mark=mark)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert [each["outcome"] for each in report["scenarios"]] == ["passed", "failed"]
    assert json.loads((folder / "report.json").read_text()) == report
    assert junit.read_text() == (folder / "junit.xml").read_text()
    (suite,) = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    secured = folder / false.stem
    events = [json.loads(line) for line in (secured / "events.jsonl").read_text().splitlines()]
    assert "lab-running" in {event["kind"] for event in events}
    assert (secured / "logs" / "ce1.core.log").exists()
    assert sorted(entry.name for entry in folder.iterdir()) == sorted(
        ["junit.xml", "report.json", false.stem]
    )
    assert sorted(entry.name for entry in secured.iterdir()) == ["events.jsonl", "logs"]


def test_where_nothing_can_be_written_nothing_is_started(tmp_path: Path, mark: str) -> None:
    good = str(written(tmp_path, "good", UP))
    done = mseelab("test", good, "--junit", str(tmp_path / "none" / "junit.xml"), mark=mark)
    assert (done.returncode, done.stdout) == (3, "")
    (tmp_path / "file").touch()
    done = mseelab("test", good, "--report", str(tmp_path / "file"), mark=mark)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


# Looking at what failed.


@pytest.mark.everywhere
def test_keep_leaves_the_lab_up_and_says_how_to_look_and_how_to_end_it(false: Path, backend: str) -> None:
    name, mark = unique("kept"), new_mark()
    words = ("--keep", "--name", name, "--backend", backend)
    done = mseelab("test", str(false), *HURRY, *words, mark=mark)
    assert done.returncode == 1, done.stderr
    assert f"inspect --name {name}" in done.stdout
    assert f"down --name {name}" in done.stdout
    assert Lab(name).inspect()["state"] == "running"
    assert mseelab("down", "--name", name).returncode == 0
    eventually("nothing is left", lambda: not marked_processes(mark))


def test_keep_keeps_no_lab_whose_claims_hold(tmp_path: Path, mark: str) -> None:
    done = mseelab("test", str(written(tmp_path, unique("fine"), UP)), "--keep", mark=mark)
    assert done.returncode == 0, done.stdout
    assert "left up" not in done.stdout


def test_a_shell_needs_a_terminal(tmp_path: Path) -> None:
    done = mseelab("test", str(written(tmp_path, "good", UP)), "--shell-on-failure")
    assert done.returncode == 2
    assert "terminal" in done.stderr


@pytest.mark.everywhere
def test_a_shell_opens_where_the_step_failed(false: Path, mark: str, backend: str) -> None:
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [*COMMAND, "test", str(false), "--shell-on-failure", *HURRY, "--backend", backend],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(mark),
        start_new_session=True,
    )
    os.close(theirs)
    output = _read_until(ours, b"ce1/core] ")
    assert b"a shell on ce1/core" in output
    os.write(ours, b"echo we are in $MSEELAB_NODE; exit\n")
    assert b"we are in ce1/core" in _read_until(ours, b"1 failed")
    assert command.wait(timeout=LIMIT_S) == 1
    os.close(ours)


def _read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], LIMIT_S)
        assert ready, f"{wanted!r} never came; {seen!r} did"
        piece = b""
        with contextlib.suppress(OSError):  # EIO: everyone at the other end is gone
            piece = os.read(terminal, 1 << 16)
        assert piece, f"{wanted!r} never came; {seen!r} did"
        seen += piece
    return seen


# Ending early.


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_one_that_is_killed_takes_its_labs_along(false: Path, tmp_path: Path, mark: str, jobs: str) -> None:
    second = written(tmp_path, unique("second"), UP, THERE, BROKEN)
    command = start("test", str(false), str(second), "--jobs", jobs, mark=mark)
    names = [false.stem] if jobs == "1" else [false.stem, second.stem]
    eventually("its labs run", lambda: all(running(name) for name in names), seconds=30)
    command.kill()
    command.communicate(timeout=LIMIT_S)
    eventually("nothing is left", lambda: not marked_processes(mark))
    assert not [name for name in names if name in mseelab("list").stdout]


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ending_early_leaves_nothing_and_exits_130(
    false: Path, tmp_path: Path, mark: str, jobs: str, how: signal.Signals
) -> None:
    second = written(tmp_path, unique("second"), UP, THERE, BROKEN)
    command = start("test", str(false), str(second), "--jobs", jobs, mark=mark)
    names = [false.stem] if jobs == "1" else [false.stem, second.stem]
    eventually("its labs run", lambda: all(name in mseelab("list").stdout for name in names), seconds=30)
    command.send_signal(how)
    output, _ = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 130, output
    assert "Traceback" not in output
    assert not [name for name in names if name in mseelab("list").stdout]


# pytest.

WITH_CODE = """
import pytest

from lab.errors import ExpectationError
from lab.scenario.kinds.announce import Originate
from lab.scenario.kinds.base import LabTimer
from lab.scenario.kinds.route import NoRoute, RoutePresent


@pytest.mark.topology("expressroute-basic", patch={"description": "patched"})
def test_with_code(lab):
    assert lab.running.plan.description == "patched"
    lab.do(Originate(node="core1", prefixes=["10.98.0.0/24"]))
    lab.expect(RoutePresent(node="ce1/core", prefix="10.98.0.0/24"))
    with pytest.raises(ExpectationError, match="it is false that ce1/core has no route to 10.98.0.0/24"):
        lab.expect(NoRoute(node="ce1/core", prefix="10.98.0.0/24", holds_for=LabTimer.KEEPALIVE))
    assert lab.running.sessions("core1")


def test_without_a_topology(lab):
    pass
"""


WITH_TUNNELS = """
import pytest


@pytest.mark.topology("expressroute-vpn")
def test_of_tunnels(lab):
    pass
"""

HIDING_TUN = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /dev/net/tun && exec "$@"', "sh")


def run_pytest(
    folder: Path, mark: str, *words: str, under: tuple[str, ...] = (), warnings: str = "error"
) -> subprocess.CompletedProcess[str]:
    """As a user's project would: no configuration of ours."""
    pytest_words = ["-W", warnings, "--strict-markers", "--lab-patience", "0.05", *words]
    return subprocess.run(
        [*under, sys.executable, "-m", "pytest", *pytest_words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment(mark),
        check=False,
    )


def test_pytest_collects_scenarios_and_tells_of_a_false_one(false: Path, tmp_path: Path, mark: str) -> None:
    fine = written(tmp_path, "fine", UP, THERE)
    wrong = written(tmp_path, "wrong", UP.replace("ce1/core", "ce7/core"))
    done = run_pytest(tmp_path, mark, "-v")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{fine.name}::fine PASSED" in done.stdout
    assert f"{false.name}::{false.stem} FAILED" in done.stdout
    assert "    claim        ce1/core has no route to 10.17.0.0/16" in done.stdout
    assert f"{false.name}::{false.stem} - step 3: The prefix stays away." in done.stdout
    assert f"{wrong}:4:" in done.stdout
    assert "Traceback" not in done.stdout
    assert "trial.py" not in done.stdout, "the runner's own code is of no use to anybody"
    assert "2 failed, 1 passed" in done.stdout


def test_pytest_lends_a_lab_to_tests_that_need_code(tmp_path: Path, mark: str) -> None:
    (tmp_path / "test_code.py").write_text(WITH_CODE, encoding="utf-8")
    done = run_pytest(tmp_path, mark)
    assert "1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert 'needs @pytest.mark.topology("NAME")' in done.stdout


def test_pytest_brings_labs_up_on_the_back_end_that_is_asked_for(
    tmp_path: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"unix://{tmp_path}/nobody.sock"
    monkeypatch.setenv("DOCKER_HOST", nobody)
    written(tmp_path, "of-routes", UP)
    (tmp_path / "test_code.py").write_text(WITH_TUNNELS, encoding="utf-8")
    done = run_pytest(tmp_path, mark, "--lab-backend", "docker")
    assert "1 failed, 1 error" in done.stdout, done.stdout + done.stderr
    refusal = f"no Docker engine runs at {nobody}" if os.geteuid() == 0 else "wiring containers takes root"
    assert done.stdout.count(refusal) >= 2, done.stdout
    assert "'dokcer'" in run_pytest(tmp_path, mark, "--lab-backend", "dokcer").stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="takes /dev/net/tun away in a mount namespace of its own")
def test_pytest_warns_of_what_a_lab_lacks_on_this_host(tmp_path: Path, mark: str) -> None:
    written(tmp_path, "of-routes", UP, topology="expressroute-vpn")
    written(tmp_path, "of-tunnels", UP, TUNNEL, topology="expressroute-vpn")
    (tmp_path / "test_code.py").write_text(WITH_TUNNELS, encoding="utf-8")
    done = run_pytest(tmp_path, mark, under=HIDING_TUN, warnings="default")
    assert "2 passed, 1 skipped, 2 warnings" in done.stdout, done.stdout + done.stderr
    warned = [line for line in done.stdout.splitlines() if "PytestWarning: no IPsec tunnels: " in line]
    assert len(warned) == 2
    assert all("/dev/net/tun is not open to you" in line for line in warned)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes /dev/net/tun away in a mount namespace of its own")
@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 3)])
def test_a_scenario_of_tunnels_is_skipped_on_a_host_without(
    tmp_path: Path, mark: str, strict: tuple[str, ...], code: int
) -> None:
    file = written(tmp_path, unique("skipped"), UP, TUNNEL, topology="expressroute-vpn")
    xml = tmp_path / "junit.xml"
    words = ["test", str(file), "--junit", str(xml), *strict]
    done = subprocess.run(
        [*HIDING_TUN, *COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment(mark),
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "  skip " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 skipped in ")
    (skipped,) = ElementTree.parse(xml).getroot().iter("skipped")
    assert "/dev/net/tun is not open to you" in (skipped.get("message") or "")


def test_pytest_selects_scenarios_by_marker_without_reading_them(tmp_path: Path, mark: str) -> None:
    written(tmp_path, "wrong", UP.replace("ce1/core", "ce7/core"))
    done = run_pytest(tmp_path, mark, "-m", "not lab")
    assert "1 deselected" in done.stdout, done.stdout + done.stderr


def test_pytest_leaves_a_folder_without_scenarios_alone(tmp_path: Path, mark: str) -> None:
    (tmp_path / "azure-pipelines.yaml").write_text("steps:\n  - script: make\n", encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("steps: [\n", encoding="utf-8")
    (tmp_path / "test_own.py").write_text("def test_own() -> None:\n    pass\n", encoding="utf-8")
    done = run_pytest(tmp_path, mark)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
