"""Marks: which packet belongs to which flow, and what is an answer to it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from probe_frames import TOKEN

from lab.bgp.route import Address
from lab.probe.flows import SMALLEST, Answer, Flow, IcmpError
from lab.probe.marks import Marks, Recognized
from lab.probe.packets import ECHO_REPLY, PORT_UNREACHABLE, Decoded, decode, headers_length
from lab.probe.pcapng import LINKTYPE_RAW

HERE, THERE, ROUTER = map(ip_address, ("10.0.0.1", "10.0.0.2", "10.0.0.9"))
FLOWS = (
    Flow("left", THERE),
    Flow("left", THERE, protocol="udp", source_port=50000),
    Flow("left", THERE, protocol="udp", source_port=50001),
    Flow("left", THERE, protocol="tcp", source_port=50000, destination_port=443),
    Flow("left", THERE, protocol="tcp", source_port=50001, destination_port=443, size=100),
)
PING, FIRST, SECOND, SYN, BIG_SYN = range(5)
MARKS = Marks(FLOWS, TOKEN)


def sent(index: int, marks: Marks = MARKS) -> Decoded:
    """The probe as it is seen on its way."""
    flow = FLOWS[index]
    if flow.protocol == "udp":
        return Decoded(
            "udp",
            HERE,
            THERE,
            source_port=flow.source_port,
            destination_port=flow.destination_port,
            payload=marks.payload(index),
        )
    found = decode(marks.packet(index, HERE), LINKTYPE_RAW)
    assert found is not None
    return found


def turned(packet: Decoded, **changes: object) -> Decoded:
    """From the destination back to the source."""
    back = replace(
        packet,
        source=packet.destination,
        destination=packet.source,
        source_port=packet.destination_port,
        destination_port=packet.source_port,
    )
    return replace(back, **changes)  # type: ignore[arg-type]


def error(says: str, quotes: Decoded, sender: Address = ROUTER) -> Decoded:
    return Decoded("icmp", sender, HERE, says=says, quotes=quotes)


@pytest.mark.parametrize("index", range(len(FLOWS)))
def test_a_probe_on_its_way_belongs_to_its_flow(index: int) -> None:
    assert MARKS.recognize(sent(index)) == Recognized(index)


@pytest.mark.parametrize("index", range(len(FLOWS)))
def test_a_probe_of_another_look_is_not_ours(index: int) -> None:
    assert MARKS.recognize(sent(index, Marks(FLOWS, bytes(8)))) is None


def test_an_echo_reply_answers() -> None:
    assert MARKS.recognize(turned(sent(PING), says=ECHO_REPLY)) == Recognized(PING, Answer.ECHO_REPLY)


def test_an_echo_reply_of_somebody_else_does_not() -> None:
    assert MARKS.recognize(turned(sent(PING), says=ECHO_REPLY, source=ROUTER)) is None


def test_whoever_listens_on_the_port_answers_with_anything() -> None:
    assert MARKS.recognize(turned(sent(SECOND), payload=b"hello")) == Recognized(SECOND, Answer.DATAGRAM)


def test_an_echo_server_brings_the_mark_back() -> None:
    assert MARKS.recognize(turned(sent(SECOND))) == Recognized(SECOND, Answer.DATAGRAM)


@pytest.mark.parametrize(
    ("index", "flags", "acknowledged", "answer"),
    [(SYN, "RA", 1, Answer.RST), (SYN, "SA", 1, Answer.SYN_ACK)]
    + [(BIG_SYN, "RA", 61, Answer.RST), (BIG_SYN, "SA", 1, Answer.SYN_ACK)],
)
def test_tcp_answers_by_what_it_acknowledges(
    index: int, flags: str, acknowledged: int, answer: Answer
) -> None:
    number = sent(index).number
    back = turned(sent(index), flags=flags, number=0, acknowledged=number + acknowledged, payload=b"")
    assert MARKS.recognize(back) == Recognized(index, answer)


def test_an_acknowledgement_of_something_else_is_not_ours() -> None:
    back = turned(sent(SYN), flags="RA", number=0, acknowledged=sent(SYN).number + 2)
    assert MARKS.recognize(back) is None
    assert MARKS.recognize(replace(back, acknowledged=0)) is None


def test_sequence_numbers_go_around() -> None:
    marks = Marks(FLOWS, b"\xff" * 8)
    segment = sent(BIG_SYN, marks)
    assert marks.recognize(segment) == Recognized(BIG_SYN)
    back = turned(segment, flags="SA", number=0, acknowledged=segment.number + 1)
    assert marks.recognize(back) == Recognized(BIG_SYN, Answer.SYN_ACK)


def test_our_own_kernels_rst_is_no_answer() -> None:
    """It resets what it knows nothing of: the SYN-ACK to a SYN that a raw socket sent."""
    rst = replace(sent(SYN), flags="R", number=sent(SYN).number + 1, acknowledged=0)
    assert MARKS.recognize(rst) is None


def test_what_a_segment_without_ack_acknowledges_does_not_count() -> None:
    marks = Marks(FLOWS[SYN:], b"\xff" * 8)
    rst = Decoded("tcp", THERE, HERE, source_port=443, destination_port=50000, number=5, flags="R")
    assert marks.recognize(rst) is None
    assert marks.recognize(replace(rst, flags="RA")) == Recognized(0, Answer.RST)


def test_a_closed_port_is_an_answer_of_the_destination() -> None:
    found = MARKS.recognize(error(PORT_UNREACHABLE, sent(FIRST), THERE))
    assert found == Recognized(FIRST, Answer.PORT_UNREACHABLE)


def test_anything_else_the_destination_says_is_an_error() -> None:
    found = MARKS.recognize(error("administratively prohibited", sent(FIRST), THERE))
    assert found == Recognized(FIRST, error=IcmpError("administratively prohibited", THERE))


@pytest.mark.parametrize("index", range(len(FLOWS)))
def test_an_error_of_a_router_gives_the_flow_back(index: int) -> None:
    found = MARKS.recognize(error("host unreachable", sent(index)))
    assert found == Recognized(index, error=IcmpError("host unreachable", ROUTER))
    assert found.returning


def test_an_error_about_an_answer_is_not_about_the_probe() -> None:
    assert MARKS.recognize(error("host unreachable", turned(sent(PING), says=ECHO_REPLY))) is None


@pytest.mark.parametrize("protocol", ["icmp", "udp", "tcp"])
@pytest.mark.parametrize("destination", ["10.0.0.2", "fd00::2"])
@pytest.mark.parametrize("size", [SMALLEST, 1500])
def test_a_probe_is_as_long_as_it_is_told_to_be(protocol: str, destination: str, size: int) -> None:
    there = ip_address(destination)
    marks = Marks([Flow("left", there, protocol=protocol, size=size)], TOKEN)  # type: ignore[arg-type]
    assert len(marks.payload(0)) + headers_length(there, tcp=protocol == "tcp") == size
