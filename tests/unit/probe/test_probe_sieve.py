"""The sieve: what streams send is not queued, whatever else passes is. The kernel itself is asked, with
datagrams to this host: a filter sees the headers in front of them there, too."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from lab.probe.flows import EPHEMERAL_PORT, UNUSED_PORT, Flow
from lab.probe.sieve import keep_streams_out, ports_of
from lab.probe.stream import FIRST_PORT

LOCALHOST = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
LOOK, STREAM, OTHER = "look", "stream", "other"
FROM = {LOOK: EPHEMERAL_PORT, STREAM: FIRST_PORT, OTHER: UNUSED_PORT}
TRIED = 500
"""Ports from there on, of which some may not be free."""


@pytest.fixture(params=LOCALHOST, ids=["ipv4", "ipv6"])
def family(request: pytest.FixtureRequest) -> socket.AddressFamily:
    with socket.socket(request.param, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((LOCALHOST[request.param], 0))
        except OSError as error:
            pytest.skip(f"this host has no {LOCALHOST[request.param]}: {error.strerror}")
    family: socket.AddressFamily = request.param
    return family


def bound(stack: ExitStack, family: socket.AddressFamily, whose: str) -> socket.socket:
    """A socket with a free port of those."""
    sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    for port in range(FROM[whose], FROM[whose] + TRIED):
        try:
            sock.bind((LOCALHOST[family], port))
        except OSError:
            continue
        return sock
    pytest.fail(f"none of {TRIED} ports from {FROM[whose]} on is free")


@pytest.mark.parametrize(
    ("source", "destination", "passes"),
    [
        (LOOK, OTHER, True),
        (OTHER, LOOK, True),
        (OTHER, OTHER, True),
        (LOOK, STREAM, True),
        (STREAM, LOOK, True),
        (STREAM, STREAM, False),
        (STREAM, OTHER, False),
        (OTHER, STREAM, False),
    ],
)
def test_datagrams_of_streams_are_not_queued(
    family: socket.AddressFamily, source: str, destination: str, passes: bool
) -> None:
    with ExitStack() as stack:
        receiver = bound(stack, family, destination)
        sender, known = bound(stack, family, source), bound(stack, family, LOOK)
        keep_streams_out(receiver, range(EPHEMERAL_PORT, FIRST_PORT))
        sender.sendto(b"one", receiver.getsockname())
        known.sendto(b"after it", receiver.getsockname())
        assert receiver.recv(100, socket.MSG_DONTWAIT) == (b"one" if passes else b"after it")


def test_a_probe_passes_from_whatever_port(family: socket.AddressFamily) -> None:
    """Also from one of those that streams have."""
    with ExitStack() as stack:
        receiver, sender = bound(stack, family, OTHER), bound(stack, family, STREAM)
        port = sender.getsockname()[1]
        there = ip_address(LOCALHOST[family])
        udp = [Flow("left", there, protocol="udp", source_port=each) for each in (port, port - 300)]
        keep_streams_out(receiver, ports_of([*udp, Flow("left", there)]))
        sender.sendto(b"ours", receiver.getsockname())
        assert receiver.recv(100, socket.MSG_DONTWAIT) == b"ours"


def test_without_a_probe_over_udp_no_port_is_ours(family: socket.AddressFamily) -> None:
    with ExitStack() as stack:
        receiver, sender = bound(stack, family, OTHER), bound(stack, family, STREAM)
        keep_streams_out(receiver, ports_of([Flow("left", ip_address(LOCALHOST[family]))]))
        sender.sendto(b"a stream's", receiver.getsockname())
        with pytest.raises(BlockingIOError):
            receiver.recv(100, socket.MSG_DONTWAIT)
