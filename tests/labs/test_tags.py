"""802.1Q on the provider's trunks, where the kernel has it: the tags themselves, in and out of captures.

What the tags are for holds with VXLAN in their place as well, and is asked for in test_probes.py. The lab is
the one that tests of tunnels have: `make test-kernel` pays for each with a minute.
"""

from __future__ import annotations

import json
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from lab_client import Lab
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Dot1Q, Ether
from tunnel_labs import captured

from lab.plan.types import Plan
from lab.probe.flows import Answer, Flow
from lab.probe.probing import probe
from lab.runtime.control import Control, unpack
from lab.runtime.rundir import folder_of

pytestmark = pytest.mark.data_plane

VM_CORP = "10.17.1.4"
CIRCUIT, PRIVATE = 8, 100
"""The S-tag of the circuit, and the C-tag of its private peering."""


@pytest.fixture(scope="session")
def tagged(secured_lab: Lab) -> Lab:
    if secured_lab.inspect()["tagging"] != "802.1Q":
        pytest.skip("this kernel has no 802.1Q")
    return secured_lab


@pytest.mark.parametrize(
    ("node", "ifname", "tag"), [("msee1", f"s{CIRCUIT}", CIRCUIT), ("msee1/private", "er100", PRIVATE)]
)
def test_a_sub_interface_has_its_tag_in_the_ethertype_of_expressroute(
    tagged: Lab, node: str, ifname: str, tag: int
) -> None:
    """And keeps what it has when its port is set down."""
    done = tagged.execute(node, "ip", "-d", "-j", "link", "show", "dev", ifname)
    assert done.returncode == 0, done.stderr
    (link,) = json.loads(done.stdout)
    data = link["linkinfo"]["info_data"]
    assert (data["id"], data["protocol"]) == (tag, "802.1Q")
    assert "LOOSE_BINDING" in data["flags"]


def test_a_capture_of_a_trunk_has_the_tags_of_what_comes_and_of_what_goes(
    tagged: Lab, tmp_path: Path
) -> None:
    """The kernel takes the outer tag out of a frame that comes, and tells it beside."""
    with captured(tagged, "pe1:to-ce1", "pe1:to-msee1", folder=tmp_path) as seen:
        ping = ("ping", "-n", "-c", "2", "-i", "0.2", "192.168.100.130")
        assert tagged.execute("ce1/core", *ping).returncode == 0
    found = {(frame.sniffed_on, frame[ICMP].type, tags(frame)) for frame in seen if ICMP in frame}
    assert found == {
        (port, message, expected)
        for port, expected in (("to-ce1", (PRIVATE,)), ("to-msee1", (CIRCUIT, PRIVATE)))
        for message in (8, 0)
    }


def test_probes_of_full_size_show_the_tags(tagged: Lab) -> None:
    """A trunk is wide enough for them and two tags. ESP passes by as well, of the other peering."""
    expected = {
        "ce1:to-pe1": {(PRIVATE,)},
        "pe1:to-ce1": {(PRIVATE,)},
        "pe1:to-msee1": {(CIRCUIT, PRIVATE)},
        "msee1:to-pe1": {(CIRCUIT, PRIVATE)},
        "msee1/private:er100": {()},
    }
    flow = Flow("ce1/core", ip_address("192.168.100.130"), size=1500)
    with closing(Control(folder_of(tagged.name))) as control:
        result = probe(control, unpack(control.ask("plan"), Plan), [flow], list(expected))
    assert [outcome.answer for outcome in result.outcomes] == [Answer.ECHO_REPLY]
    ours = {name: [one for one in packets if one.flow == 0] for name, packets in result.wires.items()}
    assert {name: {one.tags for one in packets} for name, packets in ours.items()} == expected
    there_and_back = {(True, False), (False, True)}
    assert {(one.outbound, one.returning) for one in ours["pe1:to-msee1"]} == there_and_back


def test_frames_of_another_circuit_or_customer_arrive_nowhere(tagged: Lab, tmp_path: Path) -> None:
    """Nor do those without the circuit's tag, or with the two the wrong way round."""
    right = (CIRCUIT, PRIVATE)
    wrong = [(CIRCUIT, PRIVATE + 1), (CIRCUIT + 1, PRIVATE), (PRIVATE,), (PRIVATE, CIRCUIT), ()]
    with captured(tagged, "msee1/private:er100", "msee1:to-pe1", folder=tmp_path) as seen:
        done = tagged.python("pe1", SEND, *(echo(each).hex() for each in [*wrong, right]))
        assert done.returncode == 0, done.stderr
    ours = [frame for frame in seen if IP in frame and frame[IP].src == STRANGER]
    assert {tags(frame) for frame in ours if frame.sniffed_on == "to-pe1"} == {right, *wrong}
    assert [tags(frame) for frame in ours if frame.sniffed_on == "er100"] == [()]


STRANGER = "198.51.100.77"
SEND = """
import socket, sys
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("to-msee1", 0))
for frame in sys.argv[1:]:
    port.send(bytes.fromhex(frame))
"""


def echo(around: tuple[int, ...]) -> bytes:
    """To everybody, so that no address need be known."""
    frame: Any = Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:77")
    for tag in around:
        frame = frame / Dot1Q(vlan=tag)
    return bytes(frame / IP(src=STRANGER, dst=VM_CORP) / ICMP())


def tags(frame: Any) -> tuple[int, ...]:
    """Of a captured frame, outer first."""
    found = []
    layer = frame.getlayer(Dot1Q)
    while isinstance(layer, Dot1Q):
        found.append(int(layer.vlan))
        layer = layer.payload
    return tuple(found)
