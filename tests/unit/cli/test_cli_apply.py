"""mseelab apply, against a fake far end."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cli_fake_lab import LAB, fake_lab

from lab.cli import run
from lab.errors import BackendError, InputError
from lab.model.shipped import shipped_topologies
from lab.runtime.rundir import RunFolder

BASIC = shipped_topologies() / "expressroute-basic.yaml"
CHANGES = ["msee1/private: export policy towards ce1/core", "the description"]

Start = Callable[[Any], RunFolder]

pytestmark = pytest.mark.usefixtures("base")


@pytest.fixture
def start(base: Path) -> Iterator[Start]:
    """``start(answer)``: a lab that answers `apply` so."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(fake_lab(base, "demo", {"inspect": LAB, "apply": answer}))


def test_what_changed_is_printed_and_the_file_kept(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    folder = start(CHANGES)
    assert run(["apply", str(BASIC)]) == 0
    assert capsys.readouterr().out.splitlines() == CHANGES
    assert folder.topology.read_bytes() == BASIC.read_bytes()
    assert stat.S_IMODE(folder.topology.stat().st_mode) == 0o600


def test_a_shipped_topology_may_be_named(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    folder = start([])
    assert run(["apply", "expressroute-basic", "--name", "demo"]) == 0
    assert capsys.readouterr().out == "nothing to change\n"
    assert folder.topology.read_bytes() == BASIC.read_bytes()


@pytest.mark.parametrize("changes", [CHANGES, []])
def test_for_programs_there_is_a_list(
    changes: list[str], start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(changes)
    assert run(["apply", str(BASIC), "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == changes


@pytest.mark.parametrize(("kind", "code"), [(InputError, 2), (BackendError, 3)])
def test_a_change_that_is_refused_keeps_the_file_before(
    kind: type[InputError | BackendError], code: int, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = start(kind("this cannot change", hint="build it anew"))
    before = folder.topology.read_text()
    assert run(["apply", str(BASIC)]) == code
    output = capsys.readouterr()
    assert (output.out, output.err.splitlines()) == (
        "",
        ["mseelab: this cannot change", "  hint: build it anew"],
    )
    assert folder.topology.read_text() == before


def test_a_wrong_file_is_told_and_the_lab_not_asked(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(BackendError("this was asked"))
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("nme: x\n")
    assert run(["apply", str(wrong)]) == 2
    assert f"{wrong}:1:1" in capsys.readouterr().err


def grown(path: Path, count: int) -> Path:
    """The topology with so many address spaces in its network, in a file of its own."""
    spaces = ["10.17.0.0/16", *(f"10.{64 + n // 256}.{n % 256}.0/24" for n in range(count - 1))]
    text = BASIC.read_text()
    assert "[10.17.0.0/16]" in text
    path.write_text(text.replace("[10.17.0.0/16]", f"[{', '.join(spaces)}]", 1))
    return path


def test_a_network_grows_behind_the_connection_that_runs_more_than_once(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = start(CHANGES)
    folder.keep_topology(BASIC)
    for count in (201, 600):
        edited = grown(tmp_path / "grown.yaml", count)
        assert run(["apply", str(edited)]) == 0
        assert folder.topology.read_bytes() == edited.read_bytes()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("copy", [None, "nme: x\n", "["])
def test_where_what_runs_is_not_known_every_connection_is_new(
    copy: str | None, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = start(CHANGES)
    folder.topology.unlink()
    if copy is not None:
        folder.topology.write_text(copy)
    assert run(["apply", str(grown(tmp_path / "grown.yaml", 201))]) == 2
    assert "[RULE A-6]" in capsys.readouterr().err


def test_without_a_lab_the_hint_is_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", str(BASIC)]) == 2
    assert "`mseelab up` starts one" in capsys.readouterr().err
