"""mseelab fault, against a fake far end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_fake_lab import LAB, fake_lab

from lab.bench.line import line_plan
from lab.cli import run
from lab.runtime.control import pack

APPLIED = {"name": "cut", "kind": "link_down", "parameters": {}, "sentence": "r0--r1 is down", "age_s": 2.5}
LINK = line_plan(2).wires[0].name

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture
def lab(base: Path) -> Iterator[None]:
    answers = {
        "inspect": LAB,
        "plan": pack(line_plan(2)),
        "fault-apply": "cut",
        "fault-clear": ["cut"],
        "fault-list": [APPLIED],
    }
    with fake_lab(base, "demo", answers):
        yield


def test_what_was_broken_is_said_and_how_to_mend_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fault", "apply", "link_down", f"link={LINK}", "--as", "cut"]) == 0
    assert capsys.readouterr().out == f"{LINK} is down\n  mend it with: mseelab fault clear cut\n"
    assert run(["fault", "clear", "cut"]) == 0
    assert capsys.readouterr().out == "cut is cleared\n"


def test_the_catalogue_and_what_is_applied(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fault", "list", "-f", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["applied"] == [APPLIED]
    assert listed["catalogue"][0]["kind"] == "link_down"
    assert run(["fault", "list"]) == 0
    assert "r0--r1 is down" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["apply", "linkdown"], "there is no fault 'linkdown', did you mean 'link_down'?"),
        (["apply", "link_down", "link"], "'link' is no parameter"),
        (["apply", "link_down", "lnk=a"], "link_down.lnk: unknown property, did you mean 'link'?"),
        (["apply", "link_down", "link=nowhere"], "link_down: there is no link 'nowhere'"),
        (["apply", "mtu", f"link={LINK}", "mtu=big"], "mtu.mtu: must be a whole number, not 'big'"),
        (["clear"], "say which faults, or --all"),
        (["clear", "cut", "--all"], "say which faults, or --all"),
    ],
)
def test_a_wrong_word_is_said_and_exits_with_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fault", *words]) == 2
    assert said in capsys.readouterr().err
