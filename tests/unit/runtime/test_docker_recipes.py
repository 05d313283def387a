"""What images are made of, and what makes them others."""

from __future__ import annotations

import ast
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.runtime.docker import images, recipes
from lab.runtime.docker.building import archive
from lab.runtime.docker.images import State, judge, lacking
from lab.runtime.docker.recipes import BASE, EXABGP, RECIPES, STRONGSWAN, digest


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipes' files where a test may change them."""
    shutil.copytree(recipes.CONTAINERS, tmp_path / "containers")
    monkeypatch.setattr(recipes, "CONTAINERS", tmp_path / "containers")
    return tmp_path / "containers"


def digests() -> dict[str, str]:
    return {recipe.name: digest(recipe) for recipe in RECIPES}


def test_the_same_inputs_have_the_same_digest(copied: Path) -> None:
    before = digests()
    (copied / "exabgp" / "Dockerfile").touch()
    assert digests() == before
    assert len(set(before.values())) == len(RECIPES)


@pytest.mark.parametrize(
    ("folder", "changed"),
    [
        ("base", {BASE.name, EXABGP.name, STRONGSWAN.name}),
        ("exabgp", {EXABGP.name}),
        ("strongswan", {STRONGSWAN.name}),
    ],
)
def test_another_recipe_is_another_image_and_so_is_what_builds_upon_it(
    copied: Path, folder: str, changed: set[str]
) -> None:
    before = digests()
    with (copied / folder / "Dockerfile").open("a") as file:
        file.write("# one more line\n")
    assert {name for name, now in digests().items() if now != before[name]} == changed


def test_a_file_under_another_name_is_another_input(copied: Path) -> None:
    (copied / "base" / "a").write_text("x")
    before = digests()
    (copied / "base" / "a").rename(copied / "base" / "b")
    assert digests() != before


def test_other_code_of_the_speaker_is_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    speaker = recipes.closure(recipes.SPEAKER)
    without = {file for file in speaker if file.name != "decision.py"}
    monkeypatch.setattr(recipes, "closure", lambda _modules: without)
    assert {name for name, now in digests().items() if now != before[name]} == {EXABGP.name}


def test_the_speakers_image_holds_all_that_its_modules_import_and_nothing_else_of_the_lab() -> None:
    files = recipes.context(EXABGP)
    named = {path.removeprefix("site/lab/") for path in files if path.startswith("site/lab/")}
    assert {"agent/speaker.py", "bgp/decision.py", "agent/fib.py", "runtime/zygote.py"} <= named
    assert not {path for path in named if path.startswith(("model", "cli", "probe"))}


def test_the_speakers_image_needs_no_library_but_exabgp() -> None:
    known = {*sys.stdlib_module_names, "lab", "exabgp"}
    for file in recipes.closure(recipes.SPEAKER):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert {name.split(".")[0] for name in names} <= known, file


def test_outside_of_a_clone_there_is_nothing_to_build_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "CONTAINERS", tmp_path / "containers")
    with pytest.raises(InputError, match="no folder"):
        recipes.context(BASE)


def test_a_builds_context_is_the_same_whenever_it_is_packed() -> None:
    files = {"b": b"2", "a": b"1"}
    assert archive(files).getvalue() == archive(dict(sorted(files.items()))).getvalue()
    with tarfile.open(fileobj=archive(files)) as tar:
        assert tar.getnames() == ["a", "b"]


def described(label: str | None) -> dict[str, object]:
    labels = {"maintainer": "x"} | ({images.INPUTS: label} if label else {})
    return {"Config": {"Labels": labels}, "Size": 90_000_000}


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        (None, State.MISSING),
        (described("abc"), State.READY),
        (described("abd"), State.OTHER),
        (described(None), State.OTHER),
        ({"Config": {"Labels": None}, "Size": 1}, State.OTHER),
    ],
)
def test_an_image_is_ready_by_what_it_was_built_from(
    attributes: dict[str, object] | None, state: State
) -> None:
    assert judge("mseelab/base:1", "abc", attributes).state is state


def test_what_is_lacking_is_told_at_once_with_the_fix() -> None:
    found = [
        judge("mseelab/base:1", "abc", described("abc")),
        judge("mseelab/exabgp:1", "abc", described("old")),
        judge("mseelab/strongswan:1", "abc", None),
    ]
    error = lacking(found)
    assert error is not None
    assert "mseelab/exabgp:1 is of another version" in error.message
    assert "mseelab/strongswan:1 is missing" in error.message
    assert "mseelab/base" not in error.message
    assert "make images" in (error.hint or "")
    assert lacking(found[:1]) is None
