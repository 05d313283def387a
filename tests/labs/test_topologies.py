"""Every kind of topology comes up and carries packets: dual stack, transit, layer 3, two circuits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab_client import Lab

from lab.model.load import load_topology
from lab.plan.compile import compile_topology

TOPOLOGIES = Path(__file__).parents[1] / "golden" / "plans"

Reach = tuple[str, str, bool]
"""From a node to an address, and whether it gets there."""

REACHES: dict[str, tuple[Reach, ...]] = {
    "dual-stack": (
        ("app1", "10.20.1.4", True),
        ("app1", "fd00:20:0:1::4", True),
        ("vm-six", "fd00:1::10", True),
        ("web1", "10.20.1.4", False),
    ),
    "hub-spoke": (
        ("app1", "10.10.1.4", True),
        ("app1", "10.11.1.4", True),
        ("vm-app", "10.0.0.10", True),
        ("vm-app", "10.12.1.4", False),
    ),
    "layer3": (
        ("app1", "10.30.1.4", True),
        ("vm-uk", "10.2.0.10", True),
        ("app2", "10.30.1.4", True),
    ),
    "two-circuits": (("app1", "10.17.1.4", True), ("vm-corp", "10.0.0.10", True)),
}


@pytest.mark.parametrize("topology", REACHES)
def test_it_comes_up_and_carries_packets(start_lab: Callable[[str, str], Lab], topology: str) -> None:
    lab = start_lab(str(TOPOLOGIES / f"{topology}.yaml"), f"test-{topology}")
    for node, address, arrives in REACHES[topology]:
        assert lab.reaches(node, address) is arrives, f"{node} to {address}"


def test_deliberate_mismatches_stay_down_and_do_not_hold_up_the_lab(
    start_lab: Callable[[str, str], Lab],
) -> None:
    file = TOPOLOGIES / "mismatches.yaml"
    expected = set(compile_topology(load_topology(file)).expected_down)
    assert expected
    lab = start_lab(str(file), "test-mismatches")
    seen = {
        ("/".join(filter(None, (each["node"], each["vrf"]))), each["neighbor"]): each["state"]
        for each in lab.inspect()["bgp_sessions"]
    }
    down = {session for session, state in seen.items() if state != "established"}
    assert down == expected & seen.keys()
