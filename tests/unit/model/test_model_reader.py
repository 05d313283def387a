"""YAML text to a document: what each plain text means, where things are, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from lab.model import reader
from lab.model.document import Document
from lab.model.problem import FileError, Finding
from lab.model.reader import read_document
from lab.model.scalars import resolve


def document(text: str) -> Document:
    read, problems = read_document(text, "f.yaml")
    assert problems == []
    return read


def refused(text: str) -> list[str]:
    """The first lines of the problems, without the file's name."""
    try:
        _, problems = read_document(text, "f")
    except FileError as error:
        problems = list(error.problems)
    return [str(problem).splitlines()[0].removeprefix("f:") for problem in problems]


@pytest.mark.parametrize(("text", "value"), [
    ("", None), ("~", None), ("null", None), ("true", True), ("False", False),
    ("0", 0), ("12", 12), ("-3", -3), ("+3", 3), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5),
    # YAML 1.1 would make something else of these
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"),
    ("12:30", "12:30"), ("12076:51026", "12076:51026"), ("1_000", "1_000"),
    ("2024-01-01", "2024-01-01"), ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
    ("010", "010"), ("0x1f", "0x1f"), ("0o17", "0o17"), ("0b1", "0b1"), ("=", "="),
    (".inf", ".inf"), (".nan", ".nan"), ("9" * 21, "9" * 21), ("1e999", "1e999"),
    ("10.0.0.1", "10.0.0.1"), ("1.", 1.0), ("-", "-"), ("+", "+"), ("\u0663", "\u0663"),
])  # fmt: skip
def test_plain_text_by_the_core_schema(text: str, value: object) -> None:
    resolved = resolve(text)
    assert (resolved, type(resolved)) == (value, type(value))


@pytest.mark.parametrize("text", ["'12'", '"12"', "!!str 12", "! 12", "|-\n  12"])
def test_quoted_text_stays_text(text: str) -> None:
    assert document(f"a: {text}").plain() == {"a": "12"}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert document("{1: a, true: b, on: c, ~: d}").plain() == {"1": "a", "true": "b", "on": "c", "~": "d"}


def test_aliases_and_merge_keys_are_written_out() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, x: 3}\nd: {<<: [*a, {z: 4}]}\n? &k e\n: *k\n*k : x"
    read, problems = read_document(text, "f.yaml")
    assert read.plain() == {
        "a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}, "c": {"x": 3, "y": 2},
        "d": {"x": 1, "y": 2, "z": 4}, "e": "e",
    }  # fmt: skip
    assert [problem.what for problem in problems] == ["is here a second time"]


def test_a_value_is_found_by_its_line_and_column() -> None:
    read = document("a:\n  - name: x\n    b: [1,\n        2]\n")
    problem = read.problem(Finding(("a", 0, "b", 1), "wrong"))
    assert (problem.line, problem.column, problem.path) == (4, 9, "a.x.b[1]")


def test_what_is_missing_is_at_the_mapping_that_lacks_it() -> None:
    read = document("a:\n  - name: x\n")
    problem = read.problem(Finding(("a", 0, "c", "d"), "missing"))
    assert (problem.line, problem.column, problem.path) == (2, 5, "a.x.c.d")


def test_columns_count_characters_not_bytes() -> None:
    problem = document("{ü: é, b: 1}").problem(Finding(("b",), "wrong"))
    assert (problem.line, problem.column) == (1, 11)


@pytest.mark.parametrize(("text", "path"), [
    ("[{name: a}, {name: b}]", "b"),
    ("[{name: b}, {name: b}]", "[1]"),
    ("[{name: a}, {name: 5}]", "[1]"),
    ("[{name: a}, {name: 'x\ty'}]", "[1]"),
    ("[{name: a}, {peering_type: P}]", "P"),
    ("[{name: a}, {peering_type: P, name: n}]", "n"),
    ("[a, b]", "[1]"),
    ("{1: x}", "[1]"),
])  # fmt: skip
def test_a_list_entry_goes_by_its_name_when_it_is_the_only_one(text: str, path: str) -> None:
    assert document(text).path((1,)) == path


@pytest.mark.parametrize(("text", "problem"), [
    ("a: 1\na: 2", "2:1: a: is here a second time"),
    ("b: {a: {x: 1}, a: {x: 1, x: 2}}", "1:16: b.a: is here a second time"),
    ("'a': 1\n\"a\": 2", "2:1: a: is here a second time"),
    ("a: !!binary x", "1:4: a: a YAML tag"),
    ("!x a: 1", "1:1: a YAML tag"),
    ("a: !x [1]", "1:4: a: a YAML tag"),
    ("[1]: 2", "1:1: a property's name must be text, not a list or a mapping"),
    ("a: &a [1]\n*a : 2", "2:1: a property's name must be text, not a list or a mapping"),
    ("a: \"\\0\"", "1:4: a: a control character in a text"),
    ("a: \x00", "1:4: the character U+0000, which YAML does not allow"),
    ("a: b\n\x1b[31m", "2:1: the character U+001B, which YAML does not allow"),
    ("a: \ud800", "1:4: the character U+D800, which YAML does not allow"),
    ("a: [b", "2:1: not valid YAML: did not find expected ',' or ']', "),
    ("a: &a [*a]", "1:8: an alias inside the value that it stands for"),
    ("a: &a {b: [{c: *a}]}", "1:16: an alias inside the value that it stands for"),
    ("[" * 100_000, "1:33: nested more than 32 levels deep"),
    ("- " * 100_000, "1:65: nested more than 32 levels deep"),
    ("? " * 100_000, "1:3: a property's name must be text, not a list or a mapping"),
    ("{a: " * 100_000, "1:129: nested more than 32 levels deep"),
    ("", " the file is empty"),
    ("---\n", " the file is empty"),
    ("~", " the file is empty"),
    ("a: 1\n---\nb: 1", "2:1: a second document begins here"),
    ("%YAML 9.0\n---\na: 1", "1:1: not valid YAML: found incompatible YAML document"),
])  # fmt: skip
def test_what_is_refused_and_where(text: str, problem: str) -> None:
    assert refused(text)[0].startswith(problem)


def chain(levels: int, link: str) -> str:
    lines = ["a0: &a0 [x]"] + [link.format(here=n, before=n - 1) for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("link", [
    "a{here}: &a{here} [*a{before}]",
    "a{here}: &a{here} {{b: *a{before}}}",
])  # fmt: skip
def test_aliases_cannot_make_a_shallow_file_deep(link: str) -> None:
    assert [line.split(": ")[-1] for line in refused(chain(5000, link))] == [
        "nested more than 32 levels deep"
    ]


def test_merge_keys_cannot_make_a_small_file_large() -> None:
    text = chain(5000, "a{here}: &a{here} {{<<: [*a{before}, *a{before}], k{here}: x}}").replace(
        "[x]", "{k: x}"
    )
    assert [line.split(": ")[-1] for line in refused(text)][-1].startswith(
        ("nested more", "more than 200000")
    )


def test_aliases_of_a_large_list_are_counted() -> None:
    text = f"a: &a [{'x, ' * 1000}]\nb: [{'*a, ' * 250}]"
    assert refused(text) == ["2:4: more than 200000 values, aliases written out"] or refused(text)[
        0
    ].endswith("more than 200000 values, aliases written out")


def test_syntax_errors_repeat_no_text_of_the_file() -> None:
    for text in ("k: %hunter2", "k: @hunter2", "k: *hunter2", "k: !hunter2 x", "k: `hunter2", "k: 'hunter2",
                 'k: "hunter2', 'k: "\\hunter2"', "k: hunter2: x", "k: [hunter2", "k: !hunter2!x y",
                 "k: hunter2\n j: x", "k: |hunter2", "k: &a [*hunter2]"):  # fmt: skip
        assert refused(text) != [], text
        assert "unter2" not in "\n".join(refused(text)), text


@pytest.fixture
def pure_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOADER", yaml.SafeLoader)


@pytest.mark.usefixtures("pure_python")
@pytest.mark.parametrize("text", ["a: 1\na: 2", "a:\n\tb: 1", "a: @b", "a: [b", "a: b: c", "{a: " * 9999])
def test_without_libyaml_the_same_is_refused(text: str) -> None:
    assert refused(text) != []


@pytest.mark.usefixtures("pure_python")
def test_without_libyaml_the_same_is_read() -> None:
    text: Any = "a: &a {x: 12:30, y: 'é'}\nb: *a\n"
    assert document(text).plain() == {"a": {"x": "12:30", "y": "é"}, "b": {"x": "12:30", "y": "é"}}
