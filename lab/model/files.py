"""The text of a file, within bounds; or why there is none, in words that help."""

from __future__ import annotations

from pathlib import Path

from lab.model.constants import MAX_FILE_BYTES
from lab.model.problem import FileError, Problem

SHIPPED = {"topology": "scenarios/topologies/", "scenario": "scenarios/"}
"""What a file can be, and where those are that come with the project."""


def text_of(path: Path, noun: str) -> str:
    """The text of a file that should be a ``noun``; raises FileError."""
    source = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FileError([_unreadable(source, error, noun)]) from None
    if len(content) > MAX_FILE_BYTES:
        raise FileError([Problem(source, f"larger than {MAX_FILE_BYTES // 2**20} MiB", f"is this a {noun}?")])
    return _decoded(content, source)


def is_file(path: Path) -> bool:
    """True for a file that can be read to its end: no directory, no pipe, no device."""
    try:
        return path.is_file()
    except OSError:
        return False


def _unreadable(source: str, error: OSError | ValueError, noun: str) -> Problem:
    match error:
        case FileNotFoundError():
            return Problem(source, "there is no such file", f"see {SHIPPED[noun]} for the shipped ones")
        case IsADirectoryError():
            return Problem(source, "is a directory", f"name a {noun} file in it")
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
        raise FileError([Problem(source, "not UTF-8", "save the file as UTF-8", line, column)]) from None
