"""What the taps have shown, flow by flow."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from probe_frames import PLAN, TOKEN, captured, ethernet, vxlan
from scapy.layers.inet import ICMP, IP, UDP

from lab.errors import InputError
from lab.probe.flows import Answer, Flow, IcmpError, Outcome, SeenPacket
from lab.probe.marks import Marks
from lab.probe.record import Record

LEFT, RIGHT = ip_address("10.0.0.1"), ip_address("10.0.0.2")
PING, UDP_FLOW = Flow("left", RIGHT), Flow("left", RIGHT, protocol="udp")


def record_of(*flows: Flow, watching: tuple[str, ...] = ()) -> tuple[Record, Marks]:
    marks = Marks(flows, TOKEN)
    return Record(PLAN, flows, watching, marks), marks


def ping(marks: Marks) -> bytes:
    return bytes(ethernet() / IP(marks.packet(0, LEFT)))


def pong(marks: Marks) -> bytes:
    return bytes(ethernet() / IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=0) / marks.payload(0))


def test_a_probe_that_arrives_and_is_answered() -> None:
    record, marks = record_of(PING)
    record.see("right", captured(ping(marks)))
    assert record.unanswered() == {0}
    record.see("left", captured(pong(marks)))
    assert record.unanswered() == set()
    (outcome,) = record.result().outcomes
    assert outcome == Outcome(PING, arrived=True, answer=Answer.ECHO_REPLY)
    assert outcome.lost is None


def test_an_answer_that_left_and_did_not_come_is_lost_on_its_return() -> None:
    record, marks = record_of(PING)
    record.see("right", captured(ping(marks)))
    record.see("right", captured(pong(marks), outbound=True))
    assert record.result().outcomes[0].lost == "return"


def test_a_probe_that_only_left_is_lost_on_its_way() -> None:
    record, marks = record_of(PING)
    record.see("left", captured(ping(marks), outbound=True))
    assert record.result().outcomes[0].lost == "forward"


def test_a_frame_for_another_machine_has_not_arrived() -> None:
    """A switch that does not know an address yet sends to everybody."""
    record, marks = record_of(PING, watching=("right:eth0",))
    record.see("right", captured(ping(marks), to_us=False))
    assert not record.result().outcomes[0].arrived
    assert record.result().wires["right:eth0"] == ()


def test_nor_has_one_on_a_port_that_takes_them_all() -> None:
    record, marks = record_of(PING, watching=("right:trunk",))
    record.see("right", captured(ping(marks), "trunk", to_us=False))
    assert len(record.result().wires["right:trunk"]) == 1
    assert not record.result().outcomes[0].arrived


def test_a_probe_that_comes_back_to_its_source_has_not_arrived() -> None:
    record, marks = record_of(PING)
    record.see("left", captured(ping(marks)))
    assert not record.result().outcomes[0].arrived


def test_the_port_of_a_switch_shows_frames_for_others() -> None:
    record, marks = record_of(PING, watching=("switch:left", "switch:right"))
    frame = ping(marks)
    record.see("switch", captured(frame, "left", to_us=False))
    record.see("switch", captured(frame, "right", outbound=True))
    wires = record.result().wires
    seen = SeenPacket(0, "icmp", LEFT, RIGHT, outbound=False)
    assert wires["switch:left"] == (seen,)
    assert [packet.outbound for packet in wires["switch:right"]] == [True]


def test_an_answer_to_a_borrowed_address_is_not_for_its_borrower() -> None:
    """Not even when it passes by on its way to the owner."""
    record, marks = record_of(Flow("left", RIGHT, ip_address("10.0.0.7")))
    reply = IP(src="10.0.0.2", dst="10.0.0.7") / ICMP(type=0) / marks.payload(0)
    record.see("left", captured(bytes(ethernet() / reply)))
    assert record.unanswered() == {0}


def test_an_icmp_error_ends_the_flow() -> None:
    record, marks = record_of(PING)
    error = IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=3, code=1) / IP(marks.packet(0, LEFT))
    record.see("left", captured(bytes(ethernet() / error)))
    assert record.unanswered() == set()
    assert record.result().outcomes[0].error == IcmpError("host unreachable", ip_address("10.0.0.9"))


def test_what_could_not_be_sent_is_not_waited_for() -> None:
    record, _ = record_of(PING, UDP_FLOW)
    record.not_sent({0: "Network is unreachable"})
    assert record.unanswered() == {1}
    assert [outcome.not_sent for outcome in record.result().outcomes] == ["Network is unreachable", None]


@pytest.mark.parametrize(("header", "tags"), [(ethernet(8, 100), (8, 100)), (vxlan(8 << 12 | 100), (8, 100))])
def test_a_trunk_shows_tags_by_either_mechanism(header: object, tags: tuple[int, ...]) -> None:
    record, marks = record_of(UDP_FLOW, watching=("left:trunk",))
    there = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=49152, dport=33434) / marks.payload(0)
    record.see("left", captured(bytes(header / there), "trunk", outbound=True))  # type: ignore[operator]
    back = IP(src="10.0.0.2", dst="10.0.0.1") / UDP(sport=33434, dport=49152) / b"hello"
    record.see("left", captured(bytes(header / back), "trunk", to_us=False))  # type: ignore[operator]
    packets = record.result().wires["left:trunk"]
    assert [packet.tags for packet in packets] == [tags, tags]
    assert [packet.returning for packet in packets] == [False, True]
    assert [(packet.source_port, packet.destination_port) for packet in packets] == [
        (49152, 33434),
        (33434, 49152),
    ]


@pytest.mark.parametrize(
    "esp",
    [
        IP(src="10.0.0.1", dst="10.0.0.2", proto=50) / b"spi+",
        IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4500, dport=4500) / b"spi+sequence",
    ],
)
def test_esp_is_shown_because_it_may_hold_a_probe_and_others_traffic_is_not(esp: object) -> None:
    record, _ = record_of(PING, watching=("right:eth0",))
    record.see("right", captured(bytes(ethernet() / esp)))  # type: ignore[operator]
    record.see("right", captured(bytes(ethernet() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / b"other")))
    assert [(packet.protocol, packet.flow) for packet in record.result().wires["right:eth0"]] == [
        ("esp", None)
    ]


def test_a_probe_to_the_port_of_esp_is_a_probe() -> None:
    flow = replace(UDP_FLOW, destination_port=4500)
    record, marks = record_of(flow, watching=("right:eth0",))
    there = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=49152, dport=4500) / marks.payload(0)
    record.see("right", captured(bytes(ethernet() / there)))
    (packet,) = record.result().wires["right:eth0"]
    assert (packet.protocol, packet.flow) == ("udp", 0)


def test_taps_are_opened_where_something_can_be_seen() -> None:
    record, _ = record_of(PING, watching=("switch:left",))
    assert record.namespaces() == ["left", "right", "switch"]


def test_nobody_has_the_address() -> None:
    record, _ = record_of(Flow("left", ip_address("192.0.2.1")))
    assert record.namespaces() == ["left"]


@pytest.mark.parametrize(
    ("interface", "message"),
    [("rihgt:eth0", "rihgt is not a node of this lab"), ("right:eth1", "right has no interface eth1")],
)
def test_an_interface_that_is_not_there_is_an_error_that_lists_those_that_are(
    interface: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        record_of(PING, watching=(interface,))
    assert "right" in (caught.value.hint or "") or "eth0" in (caught.value.hint or "")
