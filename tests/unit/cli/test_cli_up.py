"""What mseelab up says in the end: commands that can be typed as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cli_fake_lab import LAB, fake_lab

from lab.cli import run
from lab.runtime.control import Control
from lab.runtime.launch import Ready
from lab.runtime.lifecycle import Up

SUGGESTED = [
    "exec{name} app1 -- ping -c 3 10.17.1.4",
    "exec{name} app1 -- ping -c 3 10.2.0.4",
    "show tunnels{name} vpn1",
    "show routes{name} msee1/private",
    "why{name} ce1/core 10.17.0.0/16",
]


@pytest.fixture(autouse=True)
def labs(base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The run folders; `up` brings up the control socket of a lab and nothing else."""
    with ExitStack() as stack:

        def bring_up(make_plan: Any, **_: object) -> Up:
            plan = make_plan()
            folder = stack.enter_context(fake_lab(base, plan.name, {"inspect": LAB}))
            return Up(
                plan,
                folder,
                Ready(
                    1.5, {"backend": "netns", "rootless": True, "tagging": "VXLAN", "dataplane": "userspace"}
                ),
            )

        monkeypatch.setattr("lab.cli.up.bring_up", bring_up)
        yield base


def said(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    """The suggested commands, and how to end the lab, without the program's name."""
    output = capsys.readouterr().out
    ending = re.search(r"^End it with: mseelab (.*)$", output, re.MULTILINE)
    assert ending is not None
    return re.findall(r"^  mseelab (.*?) +# ", output, re.MULTILINE), ending.group(1)


def with_name(option: str) -> tuple[list[str], str]:
    return [command.format(name=option) for command in SUGGESTED], f"down{option}"


def test_the_only_lab_needs_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "expressroute-vpn"]) == 0
    assert said(capsys) == with_name("")


def test_a_lab_with_a_name_of_its_own_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "expressroute-vpn", "--name", "mine"]) == 0
    assert said(capsys) == with_name(" --name mine")


def test_a_lab_beside_another_is_named(labs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_lab(labs, "other", {"inspect": LAB}):
        assert run(["up", "expressroute-vpn"]) == 0
    assert said(capsys) == with_name(" --name expressroute-vpn")


def test_what_is_suggested_reaches_the_lab_that_is_named(
    labs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, ...]] = []

    def join(control: Control, node: str) -> None:
        asked.append((control.folder.name, node))
        control.close()

    def execute(words: list[str], _environment: object) -> int:
        asked.append(tuple(words))
        return 0

    monkeypatch.setattr("lab.cli.exec_in.join_inside", join)
    monkeypatch.setattr("lab.cli.exec_in.execute", execute)
    with fake_lab(labs, "other", {"inspect": LAB}):
        assert run(["up", "expressroute-vpn", "--name", "mine"]) == 0
        (suggested, *_), _ = said(capsys)
        with pytest.raises(SystemExit, match="0"):
            run(suggested.split())
    assert asked == [("mine", "app1"), ("ping", "-c", "3", "10.17.1.4")]
