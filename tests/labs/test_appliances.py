"""Tunnels to a virtual appliance, whose public address is translated on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab_client import Lab
from scapy.layers.inet import IP, UDP
from tunnel_labs import captured, needs_data_plane, tunnel

TOPOLOGY = Path(__file__).parents[2] / "scenarios" / "topologies" / "nva-termination.yaml"
PRIVATE, PUBLIC, DEVICE = "10.2.0.68", "52.175.253.112", "203.0.113.110"
ESP_IN_UDP = 4500


@needs_data_plane
def test_the_appliance_sees_its_private_address_and_the_device_the_public_one(
    start_lab: Callable[[str, str], Lab], tmp_path: Path
) -> None:
    lab = start_lab(str(TOPOLOGY), "test-nva")
    assert tunnel(lab, "nva1-seattle-0", "nva1")["local_address"] == PRIVATE
    assert tunnel(lab, "nva1-seattle-0", "vpn1")["remote_address"] == PUBLIC
    for interface, azure in (("nva1:eth0", PRIVATE), ("msnet:vnet-secure", PUBLIC)):
        with captured(lab, interface, folder=tmp_path) as seen:
            assert lab.reaches("vm-secure", "10.0.0.10")
        outer = {
            (packet[IP].src, packet[IP].dst)
            for packet in seen
            if UDP in packet and packet[UDP].dport == ESP_IN_UDP
        }
        assert {(azure, DEVICE), (DEVICE, azure)} <= outer, interface
        assert all(DEVICE in pair for pair in outer), "nothing else uses that port"


@needs_data_plane
def test_nothing_passes_microsofts_edge_but_the_tunnels(
    start_lab: Callable[[str, str], Lab], tmp_path: Path
) -> None:
    """IKE notices the translation, so ESP is in UDP whichever data plane carries it."""
    lab = start_lab(str(TOPOLOGY), "test-nva")
    with captured(lab, "msnet:vnet-secure", folder=tmp_path) as seen:
        assert lab.reaches("app1", "10.2.0.4")
        assert lab.reaches("vm-secure", "10.0.0.10")
    packets = [packet for packet in seen if IP in packet]
    assert packets
    assert {packet[IP].proto for packet in packets} == {17}
    assert {packet[UDP].dport for packet in packets} <= {500, ESP_IN_UDP}
