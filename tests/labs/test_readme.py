"""What README.md shows is what happens: its console blocks, run on the reference lab."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab_client import LIMIT_S, Lab, environment
from tunnel_labs import MISSING

from lab.model.load import load_topology
from lab.plan.compile import compile_topology
from lab.plan.types import Plan

ROOT = Path(__file__).parents[2]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)

VOLATILE = (
    (re.compile(r"\btime=[\d.]+ ms"), "time=T ms"),
    (re.compile(r"\btime [\d.]+ms"), "time Tms"),
    (re.compile(r"= [\d.]+(/[\d.]+){3} ms"), "= T/T/T/T ms"),
    (re.compile(r"\bport \d+"), "port P"),
    (re.compile(r" +\d+\.\d s\b"), " T s"),
)
"""Round trip times, durations and ephemeral ports: different in every run."""


@dataclass(frozen=True)
class Shown:
    """One command of a console block and the output under it."""

    command: str
    output: str

    def __str__(self) -> str:
        return self.command


def shown() -> Iterator[Shown]:
    for block in CONSOLE.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = piece.partition("\n")
            yield Shown(command, output)


def is_up(example: Shown) -> bool:
    return example.command.split()[:2] == ["mseelab", "up"]


EXAMPLES = list(shown())


def normalised(text: str) -> list[str]:
    for pattern, replacement in VOLATILE:
        text = pattern.sub(replacement, text)
    return text.splitlines()


def run(lab: Lab, command: str) -> subprocess.CompletedProcess[str]:
    """A command line as a user types it: in a shell, mseelab being this checkout's."""
    script = f'mseelab() {{ {shlex.quote(sys.executable)} -m lab "$@"; }}\n{command}\n'
    return subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment(lab.mark, MSEELAB_NAME=lab.name),
        cwd=ROOT,
        check=False,
    )


@pytest.mark.everywhere
@pytest.mark.parametrize("example", [each for each in EXAMPLES if not is_up(each)], ids=str)
def test_a_command_of_the_readme_says_what_the_readme_shows(example: Shown, reference: Lab) -> None:
    if "10.2.0." in example.command + example.output and MISSING is not None:
        pytest.skip(f"no IPsec tunnels here: {MISSING}")
    done = run(reference, example.command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert normalised(done.stdout) == normalised(example.output)


# `mseelab up`: the reference lab has been brought up already, so the words are compared with it.


@pytest.fixture(scope="module")
def up() -> str:
    """What the README shows of `mseelab up`."""
    (example,) = [each for each in EXAMPLES if is_up(each)]
    return example.output


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_topology(load_topology(ROOT / "scenarios" / "topologies" / "expressroute-vpn.yaml"))


@pytest.mark.everywhere
def test_up_in_the_readme_counts_what_there_is(up: str, reference: Lab) -> None:
    seen = reference.inspect()
    sessions = seen["bgp_sessions"]
    speakers = {(session["node"], session["vrf"]) for session in sessions}
    assert f"wired {len(seen['nodes'])} namespaces" in up
    assert f"started {len(speakers)} BGP speakers" in up
    assert f"{len({node['name'] for node in seen['nodes']})} nodes, {len(sessions) // 2} BGP sessions" in up


def test_up_in_the_readme_is_in_the_right_form(up: str, plan: Plan) -> None:
    progress = r" +\d+\.\d\d s  (wired|started|opened) .*\n"
    how = r"\((rootless|as root), IPsec in userspace, tags by (802\.1Q|VXLAN)\)"
    found = r"\d+ nodes, \d+ BGP sessions, \d+ IPsec tunnels"
    summary = rf"{plan.name} is up after \d+\.\d s: {found} {how}\n"
    trial = r"  mseelab .*  # .*\n"
    form = (
        rf"({progress}){{3}}{summary}  {re.escape(plan.description)}\n"
        rf"\nTry next:\n({trial})+\nEnd it with: mseelab down\n"
    )
    assert re.fullmatch(form, up)


def test_up_in_the_readme_suggests_what_the_plan_does(up: str, plan: Plan) -> None:
    suggested = re.findall(r"^  mseelab (.*?) +# (.*)$", up, re.MULTILINE)
    assert suggested == [(each.command, each.shows) for each in plan.suggestions]
