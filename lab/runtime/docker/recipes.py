"""What each image is made of, and the digest that says whether one is of this checkout.

An image is a folder of ``containers/``, the image it builds upon, and for speakers the very files that
this process would import: the lab's own modules and ExaBGP, which are Python and nothing else. So what
runs in a container is the version of the checkout, and no package index is asked.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lab.errors import BackendError, InputError

PACKAGE = Path(__file__).parents[2]
CONTAINERS = PACKAGE.parent / "containers"

SPEAKER = ("lab.runtime.zygote", "lab.agent.speaker", "lab.agent.bridge")
"""What a speaker's container runs, and what that imports when it begins."""

LABEL = "mseelab.image"
"""What every image of ours carries from its first layer on, so that half-built ones are known."""

SITE = "site"
"""The folder of Python files in a build's context."""


@dataclass(frozen=True)
class Recipe:
    """``parent``: the recipe it builds upon; None upon Debian. ``python``: it holds a speaker's modules."""

    name: str
    parent: Recipe | None = None
    python: bool = False

    @property
    def reference(self) -> str:
        return f"mseelab/{self.name}:{version()}"


BASE = Recipe("base")
EXABGP = Recipe("exabgp", BASE, python=True)
STRONGSWAN = Recipe("strongswan", BASE)

RECIPES = (BASE, EXABGP, STRONGSWAN)
"""Parents before their children."""


def version() -> str:
    return metadata.version("mseelab")


def context(recipe: Recipe) -> dict[str, bytes]:
    """The files of its build, by path. Raises InputError outside of a clone, BackendError without ExaBGP."""
    folder = CONTAINERS / recipe.name
    if not folder.is_dir():
        raise InputError(
            f"there is no folder {folder} to build an image from", hint="images are built in a clone"
        )
    found = {str(file.relative_to(folder)): file.read_bytes() for file in _files(folder)}
    if recipe.python:
        found |= {f"{SITE}/{path}": content for path, content in _speaker_files().items()}
    return found


def digest(recipe: Recipe) -> str:
    """Of everything that makes the image what it is, but for the state of Debian's mirrors."""
    parent = digest(recipe.parent) if recipe.parent else ""
    told = hashlib.sha256(f"{recipe.reference} {parent}".encode())
    for path, content in sorted(context(recipe).items()):
        told.update(f"\n{path} {len(content)}\n".encode() + content)
    return told.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".pyc")


def _speaker_files() -> dict[str, bytes]:
    found = {str(file.relative_to(PACKAGE.parent)): file.read_bytes() for file in closure(SPEAKER)}
    spec = importlib.util.find_spec("exabgp")
    if spec is None or not spec.submodule_search_locations:
        raise BackendError("ExaBGP is not installed", hint="`make setup`")
    exabgp = Path(spec.submodule_search_locations[0])
    return found | {str(file.relative_to(exabgp.parent)): file.read_bytes() for file in _files(exabgp)}


def closure(modules: tuple[str, ...]) -> set[Path]:
    """The files of these modules of the lab and of all that they import, wherever in them they do."""
    waiting, found = list(modules), set[Path]()
    while waiting:
        for file in _of(waiting.pop()) - found:
            found.add(file)
            waiting += _imported(file)
    return found


def _of(name: str) -> set[Path]:
    """The modules on the way to a dotted name: packages, the module, nothing for what stands in it."""
    parts = name.split(".")[1:]
    places = [PACKAGE.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
    candidates = [place / "__init__.py" for place in places] + [place.with_suffix(".py") for place in places]
    return {file for file in candidates if file.exists()}


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("lab."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lab":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
