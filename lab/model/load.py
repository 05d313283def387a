"""A topology file into a Topology, or into everything that is wrong with it.

Three stages, each of which needs the one before: YAML (``reader``), shape (``shape``), meaning
(``checks``). Problems that a stage survives are reported with those of the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.model.checks import findings
from lab.model.document import Document
from lab.model.files import text_of
from lab.model.problem import FileError, Problem, TopologyError, in_order
from lab.model.reader import read_document
from lab.model.shape import topology_of
from lab.model.topology import Topology


@dataclass(frozen=True, slots=True)
class Loaded:
    """A topology that can be built, and what to know about it nevertheless."""

    topology: Topology
    warnings: tuple[Problem, ...] = ()
    """In the order of the file: breaches of waived rules, and waivers that waive nothing."""


def load(path: Path, before: Topology | None = None) -> Loaded:
    """The topology in a file, with its warnings; raises TopologyError with all that is wrong.

    ``before`` is what runs already in the lab that is to become this one.
    """
    return examined(*load_document(path), before)


def load_topology(path: Path) -> Topology:
    """The topology in a file; raises TopologyError with all that is wrong."""
    return load(path).topology


def parse_topology(text: str, source_name: str) -> Topology:
    """The topology a text describes; ``source_name`` stands in the problems for a file name."""
    with _about_a_topology():
        document, problems = read_document(text, source_name)
    return checked(document, problems)


def load_document(path: Path) -> tuple[Document, list[Problem]]:
    """A topology file after the first stage; raises TopologyError when there is no document."""
    with _about_a_topology():
        return read_document(text_of(path, "topology"), str(path))


def load_unchecked(path: Path) -> Topology:
    """The topology in a file that was examined when it was put there; raises TopologyError."""
    document, _ = load_document(path)
    return topology_of(document)


def checked(document: Document, problems: Sequence[Problem] = ()) -> Topology:
    """The topology in a document, of which ``problems`` are known already."""
    return examined(document, problems).topology


def examined(document: Document, problems: Sequence[Problem] = (), before: Topology | None = None) -> Loaded:
    """``checked``, with the warnings; ``before`` is as for ``load``."""
    try:
        topology = topology_of(document)
    except TopologyError as error:
        said = {(problem.line, problem.column) for problem in problems}
        new = [problem for problem in error.problems if (problem.line, problem.column) not in said]
        raise TopologyError([*problems, *new]) from None
    found = [*problems, *(document.problem(finding) for finding in findings(topology, before))]
    if not all(problem.is_warning for problem in found):
        raise TopologyError(found)
    return Loaded(topology, in_order(found))


@contextmanager
def _about_a_topology() -> Iterator[None]:
    try:
        yield
    except FileError as error:
        raise TopologyError(error.problems) from None
