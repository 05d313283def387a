"""A guest that hangs, breaks or skips is told as such; with a shell in its place."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import boot
import pytest
from images import images_for
from stock import BROKEN, MissingError, StockKernel, stock_kernel

from lab.runtime.docker.engine import Engine
from lab.runtime.docker.recipes import RECIPES

UP = "echo 'guest: Linux 6.1 is up'; "


def guest(script: str) -> boot.Guest:
    return boot.boot(["sh", "-c", script])


def test_a_guest_that_ends_by_itself_is_fine_and_was_heard() -> None:
    seen = guest(UP + "printf 'no newline'")
    assert (seen.up, seen.problem, list(seen.last)) == (True, None, ["guest: Linux 6.1 is up", "no newline"])


@pytest.mark.parametrize(
    ("limit", "script", "problem"),
    [
        ("BOOT_S", "exec sleep 60", "the kernel did not come up within 0.1 s"),
        ("WHOLE_S", UP + "exec sleep 60", "not done within 0.1 s"),
        ("SILENCE_S", UP + "exec sleep 60", "silent for 0.1 s"),
    ],
)
def test_a_guest_that_takes_too_long_is_ended_and_why_is_said(
    limit: str, script: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, limit, 0.1)
    assert guest(script).problem == problem


def test_of_a_panic_the_last_lines_are_kept() -> None:
    seen = guest("for i in $(seq 100); do echo line $i; done; printf 'Kernel panic'")
    assert not seen.up
    assert list(seen.last)[-2:] == ["line 100", "Kernel panic"]
    assert len(seen.last) == boot.LAST_LINES


JUNIT = "<testsuites><testsuite>{}</testsuite></testsuites>"
PASSED, SKIPPED = '<testcase name="a"/>', '<testcase name="b"><skipped/></testcase>'


@pytest.mark.parametrize(
    ("code", "cases", "verdict"),
    [("0", PASSED, 0), ("1", PASSED, 1), ("0", PASSED + SKIPPED, 1), ("4", "", BROKEN), ("", "", BROKEN)],
)
def test_the_verdict_is_that_of_pytest_but_for_tests_that_were_skipped(
    code: str, cases: str, verdict: int, tmp_path: Path
) -> None:
    for worse, better in (boot.ANYWHERE, boot.ANYWHERE[::-1]):
        left(tmp_path / worse, code, cases)
        left(tmp_path / better, "0", PASSED)
        assert boot.verdict(boot.ANYWHERE, tmp_path) == verdict
    assert boot.verdict(boot.CHOSEN, tmp_path) is None


def left(results: Path, code: str, cases: str) -> None:
    results.mkdir(exist_ok=True)
    (results / "exit-code").write_text(f"{code}\n")
    (results / "junit.xml").write_text(JUNIT.format(cases))


def test_a_guest_that_left_nothing_or_half_of_it_has_no_verdict(tmp_path: Path) -> None:
    assert boot.verdict(boot.ANYWHERE, tmp_path) is None
    left(tmp_path / boot.ANYWHERE[0], "0", PASSED)
    assert boot.verdict(boot.ANYWHERE, tmp_path) is None


# Errands.


def no_images() -> bool:
    raise AssertionError("only the tests have a use for them")


def test_images_are_a_file_for_as_long_as_they_are_needed(containers: Engine, tmp_path: Path) -> None:
    file, said = tmp_path / "images.tar", []
    with images_for(file, said.append) as saved:
        assert not file.exists()
        assert saved()
        with tarfile.open(file) as archive:
            manifest = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert {tag for image in manifest for tag in image["RepoTags"]} == {one.reference for one in RECIPES}
    assert (file.exists(), said) == (False, [])


def test_without_an_engine_it_is_said_why_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    said: list[str] = []
    with images_for(tmp_path / "images.tar", said.append) as saved:
        assert not saved()
    assert len(said) == 1
    assert said[0].startswith("nothing is tested in containers there: ")


def test_without_a_word_the_tests_are_run_and_bench_has_words_of_its_own() -> None:
    tests, bench = boot.errand([], lambda: True), boot.errand(["bench", "line", "--runs", "1"], no_images)
    assert (tests.words, tests.results.name) == (("test", *boot.CHOSEN), "test-kernel")
    assert boot.errand([], lambda: False).words == ("test", *boot.ANYWHERE)
    assert (bench.words, bench.results.name) == (("bench", "line", "--runs", "1"), "bench-kernel")


def test_what_is_no_errand_is_told() -> None:
    with pytest.raises(MissingError, match="'bnech' is no errand"):
        boot.errand(["bnech"], no_images)


def test_the_guest_hears_its_errand_as_one_word_of_the_command_line() -> None:
    kernel = StockKernel(Path("vmlinuz"), Path("modules"), Path("initramfs"))
    assert boot.command_line(kernel, boot.EMULATION, "bench line").endswith(' errand="bench line"')


@pytest.mark.parametrize(("code", "verdict"), [("0", 0), ("1", BROKEN), ("3", BROKEN)])
def test_figures_are_printed_and_bad_ones_are_no_success(
    code: str, verdict: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / boot.FIGURES).write_text('{"line": 1}')
    assert boot.figures(tmp_path) is None
    (tmp_path / "exit-code").write_text(f"{code}\n")
    assert boot.figures(tmp_path) == verdict
    assert capsys.readouterr().out == '{"line": 1}\n'


def test_without_virtualization_dev_kvm_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot.os, "access", lambda *_: True)
    for flags, expected in (("fpu sse2", ["emulation"]), ("fpu svm", ["KVM", "emulation"])):
        monkeypatch.setattr(boot.Path, "read_text", lambda *_, flags=flags, **__: f"flags : {flags}")
        assert [how.name for how in boot.accelerators()] == expected


# The kernel.


def test_a_kernel_that_is_whole_is_taken_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "6.1.0-1-amd64").mkdir()
    (tmp_path / "6.1.0-1-amd64" / "complete").touch()
    folder = tmp_path / "6.1.0-1-amd64"
    assert stock_kernel(tmp_path) == StockKernel(
        folder / "boot/vmlinuz-6.1.0-1-amd64", folder / "lib/modules/6.1.0-1-amd64", folder / "initramfs"
    )


def test_without_apt_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="comes by apt"):
        stock_kernel(tmp_path)


def test_every_chosen_test_exists() -> None:
    """The file of each, that is; the name is for pytest, which fails for one it does not find."""
    root = boot.HERE.parents[1]
    lines = [line for name in boot.CHOSEN for line in (boot.HERE / name).read_text().splitlines()]
    chosen = [line for line in lines if line and not line.startswith("#")]
    assert chosen
    assert all((root / line.partition("::")[0]).exists() for line in chosen)


@pytest.mark.parametrize("name", boot.CHOSEN)
def test_what_is_chosen_is_there(name: str) -> None:
    lines = Path(boot.__file__).with_name(name).read_text().splitlines()
    chosen = [line for line in lines if line and not line.startswith("#")]
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *chosen],
        cwd=Path(boot.__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert collected.returncode == 0, collected.stdout + collected.stderr
