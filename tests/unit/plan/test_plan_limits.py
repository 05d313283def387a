"""Limits that hold for every plan: hops, paths, octets."""

from __future__ import annotations

import pytest
from plan_builders import FILES, compiled

from lab.model.limits import limits
from lab.plan.types import Plan

PLANS = [pytest.param(compiled(name), id=name) for name in FILES]
MSEES_OF_A_CIRCUIT = 2
MICROSOFT = 12076


@pytest.mark.parametrize("plan", PLANS)
def test_no_speaker_uses_more_paths_than_four_circuits_have(plan: Plan) -> None:
    most = {speaker.config.maximum_paths for speaker in plan.speakers}
    assert most == {4 * MSEES_OF_A_CIRCUIT}


@pytest.mark.parametrize("plan", PLANS)
def test_peerings_are_single_hop_and_with_azures_as_number(plan: Plan) -> None:
    """Seen from every neighbour of an MSEE outside Microsoft's network."""
    msees = {
        speaker.namespace: speaker.config
        for speaker in plan.speakers
        if "msee" in speaker.namespace.split("/")[0]
    }
    assert {config.asn for config in msees.values()} == {MICROSOFT}
    sessions = [one for config in msees.values() for one in config.neighbors if one.peer_asn != MICROSOFT]
    assert sessions
    assert {one.ttl for one in sessions} == {1}


@pytest.mark.parametrize("plan", PLANS)
def test_links_carry_whole_packets_and_trunks_their_tags_too(plan: Plan) -> None:
    assert {tag.mtu for tag in plan.sub_interfaces} == {limits().link_mtu}
    tagged = {wire.mtu for wire in plan.wires if wire.trunk}
    assert min(tagged) >= limits().link_mtu + 2 * 4
