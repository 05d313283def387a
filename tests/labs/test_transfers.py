"""Bytes over TCP through a running lab: they arrive, or it is told how far they came and what was said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address

import pytest
from conftest import Start
from lab_client import LIMIT_S, Lab, environment, eventually
from tunnel_labs import SECURE_VM, needs_data_plane

from lab.errors import InputError
from lab.plan.types import Plan
from lab.probe.transfer import FIRST_SOURCE_PORT, PORT, Connection, Fate, Transfer, TransferResult
from lab.probe.transferring import transfer
from lab.runtime.control import Control, unpack
from lab.runtime.rundir import folder_of

HOST, VM = "10.0.0.10", "10.17.1.4"
FEW, MANY = 1_000, 400_000
"""Bytes: of one segment, and of some hundred."""
GSO_MAX_SEGS = 65535
"""The kernel's own (linux/netdevice.h)."""


def carried(
    lab: Lab, source: str = "app1", destination: str = VM, ports: int = 2, length: int = MANY, **more: int
) -> TransferResult:
    with closing(Control(folder_of(lab.name))) as control:
        plan = unpack(control.ask("plan"), Plan)
        what = Transfer(source, ip_address(destination), ports=ports, length=length, **more)
        return transfer(control, plan, what)


def fates(result: TransferResult) -> set[tuple[Fate, str | None]]:
    return {(one.fate, one.reason) for one in result.connections}


@contextmanager
def ruled(lab: Lab, *rules: str, node: str = "core1") -> Iterator[None]:
    """The router, that between the hosts and Azure, has these rules for what it forwards."""
    chain = "{ type filter hook forward priority -300; " + "; ".join(rules) + "; }"
    table = "inet test_transfers"
    assert lab.execute(node, "nft", f"table {table} {{ chain c {chain}; }}").returncode == 0
    try:
        yield
    finally:
        lab.execute(node, "nft", f"delete table {table}")


@contextmanager
def segment_by_segment(lab: Lab, node: str) -> Iterator[None]:
    """A node's packets are as long as on a wire; between namespaces one holds many segments otherwise, and
    is longer than each."""

    def at_once(segments: int) -> None:
        words = ("ip", "link", "set", "dev", "eth0", "gso_max_segs", str(segments))
        assert lab.execute(node, *words).returncode == 0

    at_once(1)
    try:
        yield
    finally:
        at_once(GSO_MAX_SEGS)


def sockets(lab: Lab, node: str) -> str:
    """The TCP sockets of transfers in a node, in whichever state."""
    ports = f"( sport >= {PORT} or dport >= {PORT} )"
    return lab.execute(node, "ss", "-Htan", ports).stdout


def nothing_left(lab: Lab) -> bool:
    return not sockets(lab, "app1") and not sockets(lab, "vm-corp")


# They arrive.


@pytest.mark.everywhere
def test_bytes_arrive_there_and_back_and_leave_nothing_behind(reference: Lab) -> None:
    for result in (carried(reference), carried(reference, "vm-corp", HOST)):
        assert fates(result) == {(Fate.INTACT, None)}
        assert {(one.sent, one.arrived) for one in result.connections} == {(MANY, MANY)}
    assert nothing_left(reference)


def test_ipv6_carries_bytes_too(start_lab: Start) -> None:
    result = carried(start_lab("dual-stack", "test-transfers-six"), destination="fd00:20:0:1::4")
    assert fates(result) == {(Fate.INTACT, None)}


# They do not.

AT = f"ip daddr {VM} tcp dport {PORT}"
BACK = f"ip saddr {VM} tcp sport {PORT}"
FIRST = f"tcp sport {FIRST_SOURCE_PORT}"


def test_a_way_that_takes_no_full_segments_lets_connections_stall(secured: Lab) -> None:
    with ruled(secured, f"{AT} meta length > 1000 drop"):
        assert fates(carried(secured, length=FEW // 2)) == {(Fate.INTACT, None)}
        stalled = carried(secured)
        with segment_by_segment(secured, "app1"):
            fitting = carried(secured, mss=900)
    assert fates(stalled) == {(Fate.STALLED, None)}
    assert {one.arrived for one in stalled.connections} == {0}
    assert all(one.sent and one.resent for one in stalled.connections)
    assert fates(fitting) == {(Fate.INTACT, None)}
    assert nothing_left(secured)


def test_one_connection_of_several_is_told_from_the_others(secured: Lab) -> None:
    with ruled(secured, f"{FIRST} meta length > 1000 drop"):
        first, second = carried(secured).connections
    assert (first.fate, second.fate) == (Fate.STALLED, Fate.INTACT)


@needs_data_plane
def test_a_connection_keeps_its_way_whatever_it_loses(secured: Lab) -> None:
    """By its 5-tuple it has one of two tunnels. Sent again, its segments take no other, and so it stalls
    as it would on a network."""

    def stalled() -> list[bool]:
        result = carried(secured, destination=SECURE_VM, ports=16, length=100_000)
        return [one.fate is Fate.STALLED for one in result.connections]

    with ruled(secured, "oifname vpngw-secure-0 meta length > 1000 drop", node="vpn1"):
        first = stalled()
        assert set(first) == {True, False}
        assert stalled() == first


def test_one_that_stalls_on_its_way_says_how_far_it_came(secured: Lab) -> None:
    with ruled(secured, f"{AT} quota over {MANY // 4} bytes drop"):
        (one,) = carried(secured, ports=1).connections
    assert one.fate is Fate.STALLED
    assert 0 < one.arrived < MANY // 4
    assert one.arrived <= one.sent <= MANY


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        (f"{AT} drop", (Fate.UNANSWERED, None)),
        (f"{BACK} drop", (Fate.UNANSWERED, None)),
        (f"{AT} reject with tcp reset", (Fate.REFUSED, "Connection refused")),
        (f"{AT} reject with icmp type host-unreachable", (Fate.REFUSED, "No route to host")),
    ],
)
def test_a_connection_that_cannot_be_made_says_why(
    secured: Lab, rule: str, seen: tuple[Fate, str | None]
) -> None:
    with ruled(secured, rule):
        result = carried(secured)
    assert fates(result) == {seen}
    assert set(result.connections) == {Connection(seen[0], reason=seen[1])}


@pytest.mark.parametrize("length", [20 * MANY, 20 * FEW], ids=["while it writes", "when all is written"])
def test_a_connection_that_is_reset_on_its_way_says_so(secured: Lab, length: int) -> None:
    with ruled(secured, f"{AT} quota over {length // 4} bytes reject with tcp reset"):
        (one,) = carried(secured, ports=1, length=length).connections
    assert (one.fate, one.reason) == (Fate.BROKEN, "Connection reset by peer")
    assert one.arrived < length


def test_what_is_altered_on_its_way_is_told(secured: Lab) -> None:
    """As long as TCP's checksum does not tell, which a wire between namespaces never computes."""
    with ruled(secured, f"{AT} tcp flags & psh == psh @th,512,32 set 0"):
        assert fates(carried(secured)) == {(Fate.ALTERED, None)}


def test_a_source_without_a_way_says_so(secured: Lab) -> None:
    seen = fates(carried(secured, "ce1/core", "52.175.253.112"))
    assert seen == {(Fate.REFUSED, "Network is unreachable")}


def test_a_port_that_somebody_has_cannot_be_had(secured: Lab) -> None:
    with pytest.raises(InputError, match="TCP port 179 of 10.1.255.1 cannot be had: Address already in use"):
        carried(secured, "app1", "10.1.255.1", port=179)
    with pytest.raises(InputError, match="nobody is not a node of this lab"):
        carried(secured, "nobody")
    assert fates(carried(secured)) == {(Fate.INTACT, None)}, "nothing is left of those"


ENDLESS = """
import sys
from test_transfers import carried
from lab_client import Lab
carried(Lab(sys.argv[1]))
"""


def test_a_transfer_whose_process_is_killed_leaves_nothing_behind(secured: Lab) -> None:
    with ruled(secured, f"{AT} meta length > 1000 drop"):
        folder = str(__file__).rpartition("/")[0]
        words = [sys.executable, "-c", ENDLESS, secured.name]
        with subprocess.Popen(words, env=environment(secured.mark, PYTHONPATH=folder)) as process:
            eventually("it is connected", lambda: "ESTAB" in sockets(secured, "app1"))
            process.kill()
            process.wait(LIMIT_S)
        eventually("its sockets are gone", lambda: nothing_left(secured))
