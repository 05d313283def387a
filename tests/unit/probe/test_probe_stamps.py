"""A stream's datagrams: made by scapy, numbered in place, told from everything else."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lab.probe.packets import Stamp
from lab.probe.stamps import LAYOUT, Stamps
from lab.probe.stream import DIRECTIONS, Direction, Stream

TOKEN, OTHER = b"ourtoken", b"strange!"


def stream(destination: str = "10.2.0.4", size: int | None = None, ports: int = 3) -> Stream:
    return Stream("f", "app1", ip_address(destination), ports=ports, size=size)


@pytest.fixture
def stamps() -> Stamps:
    return Stamps(stream(), TOKEN)


def test_a_stamp_says_which_packet_it_is_and_when_it_was_sent(stamps: Stamps) -> None:
    seen = Stamp(bytes(stamps.datagram("return", 2, 70_000, 12.345678901)))
    assert (seen.token, seen.way, seen.flow, seen.number) == (TOKEN, 1, 2, 70_000)
    assert seen.sent_ns == pytest.approx(12_345_678_901, abs=10)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_what_was_stamped_is_read_again(stamps: Stamps, direction: Direction) -> None:
    for number in (0, 1, 2**31):
        assert stamps.read(direction, bytes(stamps.datagram(direction, 1, number, 1.0))) == (1, number)


def test_each_port_has_numbers_of_its_own(stamps: Stamps) -> None:
    first = stamps.datagram("forward", 0, 5, 1.0)
    stamps.datagram("forward", 1, 9, 1.0)
    assert stamps.read("forward", bytes(first)) == (0, 5)


def test_somebody_elses_packets_are_not_ours(stamps: Stamps) -> None:
    assert stamps.read("forward", b"") is None
    assert stamps.read("forward", bytes(LAYOUT.size)) is None
    assert stamps.read("forward", bytes(Stamps(stream(), OTHER).datagram("forward", 0, 1, 1.0))) is None
    assert (
        stamps.read("forward", bytes(Stamps(stream(ports=4), TOKEN).datagram("forward", 3, 1, 1.0))) is None
    )


def test_one_that_goes_back_is_none_of_the_way_there(stamps: Stamps) -> None:
    assert stamps.read("forward", bytes(stamps.datagram("return", 0, 1, 1.0))) is None


@pytest.mark.parametrize(
    ("destination", "size", "payload"),
    [("10.2.0.4", 1400, 1372), ("fd00::4", 1400, 1352), ("10.2.0.4", None, LAYOUT.size)],
)
def test_the_size_is_that_of_the_whole_packet(destination: str, size: int | None, payload: int) -> None:
    datagram = Stamps(stream(destination, size), TOKEN).datagram("forward", 0, 0, 0.0)
    assert len(datagram) == payload
