"""Every topology of the repository comes up and carries packets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab_client import Lab
from tunnel_labs import needs_data_plane

from lab.model.load import load_topology
from lab.plan.compile import compile_topology

ROOT = Path(__file__).parents[2]
FOLDERS = ROOT / "scenarios" / "topologies", ROOT / "tests" / "golden" / "plans"
FILES = {file.stem: file for folder in FOLDERS for file in folder.glob("*.yaml")}
REFERENCE, MANY_TUNNELS, MISTAKES = "expressroute-vpn", "dual-vpn", "mismatches"

Reach = tuple[str, str, bool]
"""From a node to an address, and whether it gets there."""

REACHES: dict[str, tuple[Reach, ...]] = {
    "expressroute-basic": (("app1", "10.17.1.4", True),),
    "dual-circuit": (("west1", "10.20.1.4", True), ("vm-west", "10.2.0.10", True)),
    "dual-stack": (("app1", "fd00:20:0:1::4", True), ("vm-six", "10.0.0.10", True)),
    "hub-spoke": (
        ("app1", "10.20.1.4", True),
        ("vm-app", "10.0.0.10", True),
        ("vm-hub", "10.30.1.4", True),
        ("app1", "10.30.1.4", False),
    ),
    "ipv6-everywhere": (
        ("app1", "fd00:20:0:1::4", True),
        ("vm-six", "fd00:1::10", True),
        ("web1", "10.20.1.4", False),
    ),
    "layer3-provider": (("app1", "10.30.1.4", True), ("vm-uk", "10.3.0.10", True)),
    "limits": (("ce1/core", "192.168.100.2", True), ("ce2/core", "192.168.101.2", True)),
    "local-sku": (("app1", "10.17.1.4", True), ("web1", "13.69.0.10", True)),
    "two-circuits": (("app1", "10.17.1.4", True), ("vm-corp", "10.0.0.10", True)),
}

TUNNELED: dict[str, tuple[Reach, ...]] = {
    "nva-termination": (
        ("app1", "10.2.0.4", True),
        ("vm-secure", "10.0.0.10", True),
        ("vm-secure", "203.0.113.109", False),
    ),
    "vpn-dual-redundancy": (("app1", "10.2.0.4", True), ("vm-secure", "10.0.0.10", True)),
    "vpn-over-private-peering": (
        ("safe1", "10.17.1.4", True),
        ("vm-corp", "10.0.1.10", True),
        ("app1", "10.17.1.4", True),
        ("app1", "10.0.1.10", False),
    ),
}
"""Where what is claimed goes through tunnels."""


def test_every_topology_is_brought_up() -> None:
    """The reference lab and that of many tunnels by their own tests, that of mistakes below."""
    others = {REFERENCE, MANY_TUNNELS, MISTAKES}
    assert FILES.keys() == REACHES.keys() | TUNNELED.keys() | others


@pytest.mark.parametrize("topology", REACHES)
def test_it_comes_up_and_carries_packets(start_lab: Callable[[str, str], Lab], topology: str) -> None:
    _carries(start_lab(str(FILES[topology]), "test-topology"), REACHES[topology])


@needs_data_plane
@pytest.mark.parametrize("topology", TUNNELED)
def test_it_comes_up_and_carries_packets_through_tunnels(
    start_lab: Callable[[str, str], Lab], topology: str
) -> None:
    _carries(start_lab(str(FILES[topology]), "test-topology"), TUNNELED[topology])


def _carries(lab: Lab, reaches: tuple[Reach, ...]) -> None:
    for node, address, arrives in reaches:
        assert lab.reaches(node, address) is arrives, f"{node} to {address}"


def test_deliberate_mismatches_stay_down_and_do_not_hold_up_the_lab(
    start_lab: Callable[[str, str], Lab],
) -> None:
    file = FILES[MISTAKES]
    expected = set(compile_topology(load_topology(file)).expected_down)
    assert expected
    lab = start_lab(str(file), "test-mismatches")
    seen = {
        ("/".join(filter(None, (each["node"], each["vrf"]))), each["neighbor"]): each["state"]
        for each in lab.inspect()["bgp_sessions"]
    }
    down = {session for session, state in seen.items() if state != "established"}
    assert down == expected & seen.keys()
