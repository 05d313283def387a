"""A topology file into a Topology, or into everything that is wrong with it.

Three stages, each of which needs the one before: YAML (``reader``), shape (``shape``), meaning
(``checks``). Problems that a stage survives are reported with those of the next.
"""

from __future__ import annotations

from pathlib import Path

from lab.model.checks import findings
from lab.model.constants import MAX_FILE_BYTES
from lab.model.problem import Problem, TopologyError
from lab.model.reader import read_document
from lab.model.shape import topology_of
from lab.model.topology import Topology


def load_topology(path: Path) -> Topology:
    """The topology in a file; raises TopologyError with all that is wrong."""
    source = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise TopologyError([_unreadable(source, error)]) from None
    if len(content) > MAX_FILE_BYTES:
        what = f"larger than {MAX_FILE_BYTES // 2**20} MiB"
        raise TopologyError([Problem(source, what, "is this a topology?")])
    return parse_topology(_decoded(content, source), source)


def parse_topology(text: str, source_name: str) -> Topology:
    """The topology a text describes; ``source_name`` stands in the problems for a file name."""
    document, problems = read_document(text, source_name)
    try:
        topology = topology_of(document)
    except TopologyError as error:
        said = {(problem.line, problem.column) for problem in problems}
        new = [problem for problem in error.problems if (problem.line, problem.column) not in said]
        raise TopologyError([*problems, *new]) from None
    problems += [document.problem(finding) for finding in findings(topology)]
    if problems:
        raise TopologyError(problems)
    return topology


def _unreadable(source: str, error: OSError | ValueError) -> Problem:
    match error:
        case FileNotFoundError():
            return Problem(source, "there is no such file", "see scenarios/topologies/ for the shipped ones")
        case IsADirectoryError():
            return Problem(source, "is a directory", "name a topology file in it")
        case PermissionError():
            return Problem(source, "may not be read", "look at its permissions, and its directory's")
        case OSError():
            return Problem(source, f"cannot be read: {error.strerror}")
    return Problem(source, "is not a file name")


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise TopologyError([Problem(source, "not UTF-8", "save the file as UTF-8", line, column)]) from None
