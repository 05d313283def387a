"""A program without a path runs as it would by its own; AppArmor is played by a file that says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.runtime import apparmor
from lab.runtime.apparmor import Program, without_its_profile


@pytest.fixture(autouse=True)
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "enabled"
    path.write_text("Y\n")
    monkeypatch.setattr(apparmor, "ENABLED", path)
    return path


def test_where_apparmor_is_a_program_runs_without_a_path_and_by_its_name(tmp_path: Path) -> None:
    program = without_its_profile("sleep", tmp_path)
    with subprocess.Popen([program.path, "60"], pass_fds=program.descriptors) as running:
        of_kernel = Path("/proc", str(running.pid))
        seen = (of_kernel / "exe").readlink(), (of_kernel / "comm").read_text()
        running.kill()
    assert seen == (Path("/memfd:sleep (deleted)"), "sleep\n")


@pytest.mark.parametrize("answer", ["N\n", None])
def test_elsewhere_it_is_what_the_path_has(answer: str | None, said: Path, tmp_path: Path) -> None:
    said.unlink() if answer is None else said.write_text(answer)
    assert without_its_profile("true", tmp_path) == Program("true")


def test_a_program_that_is_missing_is_left_to_who_starts_it(tmp_path: Path) -> None:
    assert without_its_profile("no-such-program", tmp_path) == Program("no-such-program")
