"""The topologies that come with the project, and how a topology is named."""

from __future__ import annotations

from pathlib import Path

from lab.errors import InputError
from lab.model.files import is_file


def shipped_topologies() -> Path:
    """The folder of the topologies that come with the project."""
    return Path(__file__).parents[2] / "scenarios" / "topologies"


def shipped_names() -> list[str]:
    return sorted(file.stem for file in shipped_topologies().glob("*.yaml"))


def find_topology(wanted: str, beside: Path = Path()) -> Path:
    """A path, seen from the folder ``beside``, or the name of a shipped topology.

    Raises InputError when it is neither. A file that is asked for by its suffix need not exist; a
    folder that is called like a shipped topology is not meant.
    """
    path = beside / wanted
    if path.suffix in (".yaml", ".yml") or is_file(path):
        return path
    if wanted in shipped_names():
        return shipped_topologies() / f"{wanted}.yaml"
    if _exists(path):
        return path
    names = ", ".join(shipped_names())
    raise InputError(f"no topology named {wanted}", hint=f"a file, or one of: {names}")


def _exists(path: Path) -> bool:
    """Also for what cannot be a file's name, because it is too long or holds a null."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
