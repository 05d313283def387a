"""Probes in a running lab: packets made with scapy, sent and seen in its nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from ipaddress import ip_address
from typing import Any

import pytest
from conftest import Start
from lab_client import Lab
from tunnel_labs import needs_data_plane

from lab.errors import InputError
from lab.plan.types import Plan
from lab.probe.flows import Answer, Flow, FlowResult, Outcome, Protocol
from lab.probe.path import trace
from lab.probe.probing import probe
from lab.runtime.control import Control, unpack
from lab.runtime.rundir import folder_of
from lab.scenario.kinds.traffic import Spread

pytestmark = pytest.mark.everywhere

VM_CORP, VM_SECURE = "10.17.1.4", "10.2.0.4"
VPN_GATEWAY = "52.175.253.112"
CORE_SIDE = "10.0.0.1"
"""core1's address in a network that the VNet knows; those of transit networks it does not."""


class Prober:
    """A running lab, and questions to it with less typing."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._plan = unpack(control.ask("plan"), Plan)

    def probe(self, flows: Sequence[Flow], watching: Sequence[str] = ()) -> FlowResult:
        return probe(self._control, self._plan, flows, watching)

    def one(self, source: str, destination: str, **details: Any) -> Outcome:
        (outcome,) = self.probe([_flow(source, destination, **details)]).outcomes
        return outcome

    def trace(self, source: str, destination: str, **details: Any) -> str | None:
        return trace(self._control, self._plan, _flow(source, destination, **details))


def _flow(source: str, destination: str, source_address: str | None = None, **details: Any) -> Flow:
    other = None if source_address is None else ip_address(source_address)
    return Flow(source, ip_address(destination), other, **details)


@contextmanager
def _prober(lab: Lab) -> Iterator[Prober]:
    with closing(Control(folder_of(lab.name))) as control:
        yield Prober(control)


@pytest.fixture
def lab(reference: Lab) -> Iterator[Prober]:
    with _prober(reference) as prober:
        yield prober


# There and back.


@pytest.mark.parametrize(
    ("protocol", "answer"),
    [("icmp", Answer.ECHO_REPLY), ("udp", Answer.PORT_UNREACHABLE), ("tcp", Answer.RST)],
)
@pytest.mark.parametrize(("source", "destination"), [("app1", VM_CORP), ("vm-corp", "10.0.0.10")])
def test_the_core_and_its_network_reach_each_other(
    lab: Prober, source: str, destination: str, protocol: Protocol, answer: Answer
) -> None:
    outcome = lab.one(source, destination, protocol=protocol)
    assert (outcome.arrived, outcome.answer) == (True, answer)
    assert lab.trace(source, destination, protocol=protocol) is None


def test_a_port_that_somebody_listens_on_answers_with_syn_ack(lab: Prober) -> None:
    outcome = lab.one("core1", "10.1.255.1", protocol="tcp", destination_port=179)
    assert outcome.answer is Answer.SYN_ACK


def test_a_node_reaches_itself(lab: Prober) -> None:
    assert lab.one("app1", "10.0.0.10").answer is Answer.ECHO_REPLY


def test_asking_for_a_neighbor_first_is_no_loss(lab: Prober, reference: Lab) -> None:
    forget = ("app1", "ip", "neigh", "flush", "all")
    assert reference.execute(*forget).returncode == 0
    assert lab.one("app1", VM_CORP).answer is Answer.ECHO_REPLY
    assert reference.execute(*forget).returncode == 0
    assert lab.trace("app1", VM_CORP) is None


@pytest.mark.parametrize("protocol", ["icmp", "udp", "tcp"])
def test_the_size_is_that_of_the_packet(lab: Prober, protocol: Protocol) -> None:
    assert lab.one("app1", VM_CORP, size=1500, protocol=protocol).answer is not None
    too_big = lab.one("app1", VM_CORP, size=1501, protocol=protocol)
    assert (too_big.not_sent, too_big.lost) == ("Message too long", "forward")
    said = "app1: 1501 bytes do not fit through eth0 (MTU 1500)"
    assert lab.trace("app1", VM_CORP, size=1501, protocol=protocol) == said


# Lost on the way there.


def test_nobody_has_a_route_to_a_network_that_is_not_there(lab: Prober) -> None:
    assert lab.one("app1", "10.99.0.4").lost == "forward"
    assert lab.trace("app1", "10.99.0.4") == "fw1 has no route to 10.99.0.4"


@needs_data_plane
def test_tunnels_are_followed_and_are_narrower(lab: Prober) -> None:
    assert lab.one("app1", VM_SECURE).answer is Answer.ECHO_REPLY
    assert lab.trace("app1", VM_SECURE) is None
    said = lab.trace("app1", VM_SECURE, size=1401)
    assert said is not None
    assert said.startswith("vpn1: 1401 bytes do not fit through vpngw-secure-")


def test_the_firewall_keeps_the_zones_apart(lab: Prober) -> None:
    assert lab.one("app1", "203.0.113.110", protocol="udp").lost == "forward"
    assert lab.trace("app1", "203.0.113.110") == "dropped by the filter of fw1: no rule allows it"


@pytest.mark.parametrize("details", [{}, {"protocol": "udp", "destination_port": 500}], ids=["icmp", "ike"])
def test_a_source_outside_the_advertised_prefixes_is_dropped(lab: Prober, details: dict[str, Any]) -> None:
    """Although the probe itself may come from any address: the advertised one gets through."""
    assert lab.one("dmz1", VPN_GATEWAY, source_address="203.0.113.109", **details).answer is not None
    outcome = lab.one("dmz1", VPN_GATEWAY, source_address="10.0.0.10", **details)
    assert (outcome.lost, outcome.not_sent) == ("forward", None)
    said = lab.trace("dmz1", VPN_GATEWAY, source_address="10.0.0.10", **details)
    assert said is not None
    assert said.startswith("dropped by the filter of msee1/microsoft: rule 'from any other source'")


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_only_permitted_protocols_pass_the_edge(lab: Prober, protocol: Protocol) -> None:
    assert lab.one("dmz1", VPN_GATEWAY, protocol=protocol).lost == "forward"
    said = lab.trace("dmz1", VPN_GATEWAY, protocol=protocol)
    assert said is not None
    assert said.startswith("dropped by the filter of ce1/dmz: ")


def test_what_the_source_cannot_send_says_why(lab: Prober) -> None:
    assert lab.one("ce1/core", "198.51.100.1").not_sent == "Network is unreachable"
    assert lab.trace("ce1/core", "198.51.100.1") == "ce1/core has no route to 198.51.100.1"
    assert lab.one("msnet", "13.66.128.1").not_sent == "the route is a blackhole"


def test_an_address_that_nobody_answers_for(lab: Prober) -> None:
    assert lab.one("core1", "10.1.255.77").lost == "forward"
    assert lab.trace("core1", "10.1.255.77") == "core1: ARP: 10.1.255.77 does not answer on core"


# Lost on the way back.


def test_answers_to_a_transit_network_do_not_come_back(lab: Prober) -> None:
    outcome = lab.one("core1", VM_CORP)
    assert (outcome.arrived, outcome.lost) == (True, "return")
    said = "on the way back, vnet-corp has no route to 10.1.255.3"
    assert lab.trace("core1", VM_CORP) == said


# On the wire.


@pytest.mark.parametrize("flows", [64, 512])
@pytest.mark.parametrize("source", ["app1", "core1"])
def test_flows_spread_over_both_microsoft_edges(lab: Prober, source: str, flows: int) -> None:
    """By the router's own choice as well as by that of one on the way."""
    over = ("msee1/private:er100", "msee2/private:er100")
    address = CORE_SIDE if source == "core1" else None
    series = [
        _flow(source, VM_CORP, address, protocol="udp", source_port=50000 + number) for number in range(flows)
    ]
    result = lab.probe(series, over)
    assert [outcome.answer for outcome in result.outcomes] == [Answer.PORT_UNREACHABLE] * flows
    claim = Spread(source=source, destination=VM_CORP, over=over, flows=flows)
    sight = claim.judge(result)
    assert sight.holds, sight.seen


def test_trunks_show_the_tags_of_customer_and_circuit(lab: Prober) -> None:
    ports = ["ce1:to-pe1", "pe1:to-ce1", "pe1:to-msee1", "msee1:to-pe1", "msee1/private:er100"]
    other = ["ce2:to-pe2", "pe2:to-msee2"]
    series = [_flow("app1", VM_CORP, protocol="tcp", source_port=50000 + number) for number in range(24)]
    seen = lab.probe(series, ports + other).wires
    wires = {
        name: [packet for packet in packets if packet.flow is not None] for name, packets in seen.items()
    }
    tags = {name: {packet.tags for packet in packets} for name, packets in wires.items()}
    assert tags == {
        "ce1:to-pe1": {(100,)},
        "pe1:to-ce1": {(100,)},
        "pe1:to-msee1": {(8, 100)},
        "msee1:to-pe1": {(8, 100)},
        "msee1/private:er100": {()},
        "ce2:to-pe2": {(100,)},
        "pe2:to-msee2": {(8, 100)},
    }
    there = [packet for packet in wires["pe1:to-msee1"] if not packet.returning]
    assert there
    assert {(str(packet.source), str(packet.destination)) for packet in there} == {("10.0.0.10", VM_CORP)}
    assert {packet.outbound for packet in there} == {True}
    assert {packet.outbound for packet in wires["pe1:to-ce1"] if not packet.returning} == {False}


# What is not there.


def test_unknown_nodes_and_interfaces_are_errors_that_list_the_known_ones(lab: Prober) -> None:
    with pytest.raises(InputError, match="nobody is not a node of this lab"):
        lab.one("nobody", VM_CORP)
    with pytest.raises(InputError, match="app1 has no interface eth7") as caught:
        lab.probe([_flow("app1", VM_CORP)], ["app1:eth7"])
    assert caught.value.hint == "it has: eth0, lo"


# Labs of their own.


def test_ipv6_too(start_lab: Start) -> None:
    host, machine = "fd00:1::10", "fd00:20:0:1::4"
    with _prober(start_lab("dual-stack", "test-probes-six")) as lab:
        for protocol, answer in (
            ("icmp", Answer.ECHO_REPLY),
            ("udp", Answer.PORT_UNREACHABLE),
            ("tcp", Answer.RST),
        ):
            assert lab.one("app1", machine, protocol=protocol, size=1500).answer is answer
            assert lab.one("core1", machine, source_address=host, protocol=protocol).lost == "return"
        assert lab.one("app1", machine, protocol="udp", size=1501).not_sent == "Message too long"
        assert lab.trace("app1", machine) is None
        said = "core1: neighbor discovery: fd00:1:0:ff::77 does not answer on core"
        assert lab.trace("core1", "fd00:1:0:ff::77") == said
        over = ("msee1/private:er100", "msee2/private:er100")
        series = [
            _flow("core1", machine, "fd00:1::1", protocol="udp", source_port=50000 + number)
            for number in range(64)
        ]
        sight = Spread(source="core1", destination=machine, over=over, flows=64).judge(
            lab.probe(series, over)
        )
        assert sight.holds, sight.seen


def test_a_link_that_goes_down_is_the_first_broken_one(start_lab: Start) -> None:
    running = start_lab("expressroute-basic", "test-probes-link")
    with _prober(running) as lab:
        assert lab.one("app1", VM_CORP).answer is Answer.ECHO_REPLY
        assert running.execute("core1", "ip", "link", "set", "app1", "down").returncode == 0
        assert lab.one("app1", VM_CORP).lost == "forward"
        assert lab.trace("app1", VM_CORP) == "app1: link: eth0 has no carrier"
