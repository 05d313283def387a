"""What faults do in the reference topology, and what they say where they do not fit."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from pydantic import ValidationError

from lab.errors import InputError
from lab.fault.catalogue import KINDS, FaultSpec
from lab.fault.effects import (
    Association,
    CarrierLost,
    DaemonHalted,
    Effect,
    Fault,
    Forgotten,
    Halt,
    Lost,
    Packets,
    PortDown,
    Protocol,
    Segmented,
)
from lab.fault.page import entries
from lab.model.load import load_topology
from lab.model.shipped import find_topology
from lab.plan.compile import compile_topology
from lab.plan.types import Endpoint, Plan


@cache
def reference() -> Plan:
    return compile_topology(load_topology(find_topology("expressroute-vpn")))


def fault(kind: str, **parameters: Any) -> Fault:
    return FaultSpec.model_validate({kind: parameters}).fault(reference())


def effects(kind: str, **parameters: Any) -> set[Effect]:
    return set(fault(kind, **parameters).effects)


def at(text: str) -> Endpoint:
    namespace, _, ifname = text.rpartition(":")
    return Endpoint(namespace, ifname)


TAGS = {"pe1:msee1-100", "pe1:msee1-200", "msee1/private:er100", "msee1/microsoft:er200"}


@pytest.mark.parametrize("link", ["pe1--msee1", "pe1:to-msee1", "msee1:to-pe1"])
def test_a_cut_trunk_takes_the_carrier_of_all_its_tags(link: str) -> None:
    lost = {CarrierLost(at(tag)) for tag in TAGS}
    assert effects("link_down", link=link) == {PortDown(at("pe1:to-msee1")), *lost}


def test_a_silent_loss_is_at_the_ports_and_one_way_at_one() -> None:
    ends = {"pe1:to-msee1", "msee1:to-pe1"}
    assert effects("link_down", link="pe1--msee1", carrier="keep") == {Lost(at(end)) for end in ends}
    one_way = effects("link_down", link="pe1--msee1", carrier="keep", toward="msee1")
    assert one_way == {Lost(at("msee1:to-pe1"))}


def test_a_tag_and_the_inside_of_a_tunnel_are_links() -> None:
    tag = effects("link_down", link="msee1/private:er100", carrier="keep")
    assert tag == {Lost(at("msee1/private:er100")), Lost(at("pe1:msee1-100"))}
    inside = {Lost(at(end), tunnel=True) for end in ("vpn1:vpngw-secure-0", "vpngw-secure-0:vpn1")}
    assert effects("link_down", link="conn-secure-0", carrier="keep") == inside
    assert effects("link_down", link="vpn1:vpngw-secure-0", carrier="keep") == inside


def test_protocols_are_dropped_where_packets_have_no_tag_any_more() -> None:
    dropped = effects("drop_protocol", link="pe1--msee1", protocol="bgp")
    assert dropped == {Lost(at(tag), Packets(Protocol.BGP)) for tag in TAGS}
    one = effects("drop_protocol", link="pe1--msee1", protocol="udp", port=53, toward="msee1/private")
    assert one == {Lost(at("msee1/private:er100"), Packets(Protocol.UDP, 53))}


def test_a_black_hole_for_long_packets_has_them_sent_one_by_one() -> None:
    ends = [at("vpngw-secure-0:outside"), at("msnet:vpngw-secure-0")]
    lost = {Lost(end, Packets(longer_than=1300)) for end in ends}
    assert effects("mtu", link="vpngw-secure-0--msnet", mtu=1300) == {*lost, *map(Segmented, ends)}


def test_a_daemon_is_a_speaker_or_that_of_a_tunnels_end() -> None:
    assert effects("daemon_stop", node="vpn1") == {DaemonHalted("vpn1", Halt.STOP)}
    for tunnel in ("conn-secure-0", "vpngw-secure-0"):
        held = effects("daemon_stop", node="vpn1", tunnel=tunnel, how="kill")
        assert held == {DaemonHalted("vpn1", Halt.KILL, "conn-secure-0")}


def test_a_node_goes_with_its_ports_before_its_daemons() -> None:
    found = fault("node_down", node="vpngw-secure-0").effects
    assert found == (
        PortDown(at("vpngw-secure-0:gw")),
        PortDown(at("vpngw-secure-0:outside")),
        DaemonHalted("vpngw-secure-0", Halt.KILL, "conn-secure-0"),
        DaemonHalted("vpngw-secure-0", Halt.KILL),
    )


def test_a_node_goes_with_all_its_vrfs() -> None:
    found = effects("node_down", node="msee1")
    ports = {effect.port for effect in found if isinstance(effect, PortDown)}
    assert ports == {at("msee1:to-pe1"), at("msee1/private:vnet-corp"), at("msee1/microsoft:msnet")}
    halted = {effect.namespace for effect in found if isinstance(effect, DaemonHalted)}
    assert halted == {"msee1/private", "msee1/microsoft"}


def test_what_is_deleted_is_nothing_to_clear() -> None:
    spec = FaultSpec.model_validate({"delete_sa": {"node": "vpn1", "tunnel": "conn-secure-1"}})
    made = spec.fault(reference())
    assert made.effects == (Forgotten("vpn1", "conn-secure-1", Association.IKE, told=False),)
    assert (made.lasting, spec.lasts) == ((), False)


@pytest.mark.parametrize(
    ("kind", "parameters", "words", "hint"),
    [
        (
            "link_down",
            {"link": "pe1--mse1"},
            "there is no link 'pe1--mse1', did you mean 'pe1--msee1'",
            "links: ",
        ),
        ("link_down", {"link": "pe1:msee1-100"}, "a tag has no carrier of its own", "carrier: keep"),
        ("link_down", {"link": "conn-secure-0"}, "a tunnel has no carrier of its own", "carrier: keep"),
        (
            "drop_protocol",
            {"link": "ce1--pe1", "protocol": "bgp", "toward": "msee1"},
            "ce1--pe1 does not lead to msee1",
            "it leads to ce1/core and pe1 and ce1/dmz",
        ),
        ("daemon_stop", {"node": "msee1"}, "msee1 is several", "there are: msee1/private, msee1/microsoft"),
        ("daemon_stop", {"node": "app1"}, "there is no BGP speaker 'app1'", "speakers: "),
        (
            "daemon_stop",
            {"node": "ce1/core", "tunnel": "x"},
            "no end of a tunnel 'ce1/core'",
            "tunnels end at: ",
        ),
        (
            "delete_sa",
            {"node": "vpn1", "tunnel": "conn-secure-2"},
            "no tunnel 'conn-secure-2'",
            "tunnels of vpn1",
        ),
        ("node_down", {"node": "msee3"}, "there is no node 'msee3', did you mean 'msee", "nodes: "),
    ],
)
def test_what_is_not_there_is_said(kind: str, parameters: dict[str, Any], words: str, hint: str) -> None:
    with pytest.raises(InputError) as refused:
        fault(kind, **parameters)
    assert refused.value.message.startswith(f"{kind}: ")
    assert words in refused.value.message
    assert (refused.value.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "says no fault"),
        (
            {"mtu": {"link": "a--b", "mtu": 1300}, "node_down": {"node": "ce1"}},
            "has 2 faults: node_down, mtu",
        ),
        ({"link_down": {"link": "a--b", "toward": "b"}}, "a carrier is lost at both ends"),
        (
            {"drop_protocol": {"link": "a--b", "protocol": "esp", "port": 50}},
            "a port without udp or tcp: esp",
        ),
        (
            {"delete_sa": {"node": "vpn1", "tunnel": "t", "association": "child"}},
            "cannot forget ESP associations alone and say nothing",
        ),
    ],
)
def test_what_contradicts_itself_is_no_fault(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FaultSpec.model_validate(spec)


def test_a_fault_says_what_is_wrong_and_what_it_was_told() -> None:
    made = fault("drop_protocol", link="ce1--pe1", protocol="tcp", port=443, toward="ce1/core")
    assert made.sentence == "ce1--pe1 drops tcp port 443 toward ce1/core"
    assert made.parameters == {"link": "ce1--pe1", "protocol": "tcp", "port": 443, "toward": "ce1/core"}
    assert made.same(fault("drop_protocol", link="ce1--pe1", protocol="tcp", port=443, toward="ce1/core"))
    assert not made.same(fault("drop_protocol", link="ce1--pe1", protocol="tcp", port=443))


def test_every_kind_is_in_the_catalogue_with_its_parameters_described() -> None:
    assert tuple(entry["kind"] for entry in entries()) == KINDS
    for entry in entries():
        assert entry["emulates"]
        assert all(parameter["description"] for parameter in entry["parameters"]), entry["kind"]
    (how,) = [each for each in entries()[1]["parameters"] if each["name"] == "how"]
    assert (how["required"], how["choices"]) == (False, ["stop", "kill", "freeze"])
