"""What is wrong with a file before it is YAML, and YAML's own errors in our words.

No text from the file is repeated here: it may be a key.
"""

from __future__ import annotations

import re

import yaml

from lab.model.problem import Problem

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff\ufeff]")
"""YAML 1.2 section 5.1, the complement of c-printable."""

_HINTS = (
    ("mapping values are not allowed", "quote a text that holds ': ', and check the indentation"),
    ("did not find expected key", "check the indentation, and that every quote and bracket is closed"),
    ("expected <block end>", "check the indentation, and that every quote and bracket is closed"),
    ("could not find expected ':'", "a property is written 'name: value'"),
    ("unexpected end of stream", "a quote is opened here and never closed"),
    ("expected ',' or", "entries in brackets are separated by commas, and the bracket is closed"),
    ("did not find expected node content", "check that every bracket is closed"),
    ("expected the node content", "check that every bracket is closed"),
    ("unknown escape character", "write the backslash twice, or use single quotes"),
)


def text_problem(text: str, source: str) -> Problem | None:
    """A character that no YAML may hold."""
    found = _UNPRINTABLE.search(text)
    if found is None:
        return None
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    what = f"the character U+{ord(found.group()):04X}, which YAML does not allow"
    return Problem(source, what, "is this a text file?", line, column)


def syntax_problem(error: yaml.MarkedYAMLError, text: str, source: str) -> Problem:
    """A problem at the place where the parser gave up, or where the broken thing began."""
    said = error.problem or "it cannot be parsed"
    mark = error.problem_mark or error.context_mark
    if "end of stream" in said and error.context_mark is not None:
        mark = error.context_mark
    if mark is None:
        return Problem(source, f"not valid YAML: {said}")
    what, hint = _in_our_words(said, _character(text, mark.line, mark.column))
    if error.context and error.context_mark and error.context_mark.line != mark.line:
        what += f", {error.context} that begins in line {error.context_mark.line + 1}"
    return Problem(source, what, hint, mark.line + 1, mark.column + 1)


def _in_our_words(said: str, character: str) -> tuple[str, str | None]:
    if "cannot start any token" in said:
        if character == "\t":
            return "a tab where YAML wants spaces", "indent with spaces only"
        return f"not valid YAML: a text cannot begin with {character}", "put the text in quotes"
    hint = next((hint for words, hint in _HINTS if words in said), None)
    return f"not valid YAML: {said}", hint


def _character(text: str, line: int, column: int) -> str:
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    inside = line < len(lines) and column < len(lines[line])
    return lines[line][column] if inside else "this character"
