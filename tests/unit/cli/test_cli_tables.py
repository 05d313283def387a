"""Tables and small texts."""

from __future__ import annotations

import io
import sys
import time

import pytest

from lab.cli.tables import duration, plain, print_table, printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(capsys: pytest.CaptureFixture[str], *rows: tuple[object, ...]) -> list[str]:
    print_table(("NAME", "STATE"), rows)
    return capsys.readouterr().out.splitlines()


def test_a_piped_table_has_no_colours_and_no_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ("ce1", "down"), ("a-long-name", "up")) == [
        "NAME         STATE",
        "ce1          down",
        "a-long-name  up",
    ]


def test_a_piped_table_keeps_a_row_on_a_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    long = " ".join(["10.17.0.0/16"] * 100)
    assert printed(capsys, (long, "up"))[1] == f"{long}  up"


def test_a_terminal_gets_colours_by_state(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    print_table(("NAME", "STATE", "AS"), [("a", "up", 1), ("b", "down", 2), ("c", "connect", 3)])
    green, red, yellow, end = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
    assert terminal.getvalue().splitlines() == [
        f"\x1b[1mNAME  STATE    AS{end}",
        f"a     {green}up     {end}  1",
        f"b     {red}down   {end}  2",
        f"c     {yellow}connect{end}  3",
    ]


def test_ten_thousand_rows_are_printed_before_a_person_gets_impatient(
    capsys: pytest.CaptureFixture[str],
) -> None:
    started = time.process_time()
    lines = printed(capsys, *[(f"10.{number >> 8}.{number & 255}.0/24", "up") for number in range(10_000)])
    assert len(lines) == 10_001
    assert time.process_time() - started < 1


def test_a_titled_table_without_rows_says_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME",), [], title="Tunnels")
    assert capsys.readouterr().out == "Tunnels: none\n"


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "yes"), (False, "no"), ([12076, 65010], "12076 65010"), (0, "0")]
)
def test_cells(value: object, text: str) -> None:
    assert plain(value) == text


def test_what_steers_a_terminal_is_not_printed() -> None:
    assert printable("a\x1b[31mb\nc") == "a?[31mb?c"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0.0s"),
        (4.54, "4.5s"),
        (59.94, "59.9s"),
        (60, "1m00s"),
        (125.9, "2m05s"),
        (3600, "1h00m"),
        (90_000, "1d01h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
