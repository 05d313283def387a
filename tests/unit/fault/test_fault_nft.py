"""Lost packets as nftables has them."""

from __future__ import annotations

import pytest

from lab.fault.effects import Lost, Packets, Protocol
from lab.fault.nft import render_losses
from lab.plan.types import Endpoint

ETH0, ETH1, TUNNEL = Endpoint("r1", "eth0"), Endpoint("r1", "eth1"), Endpoint("r1", "to-gw")
ESP_IN_UDP = "udp length > 12 @th,64,32 != 0x0"


def rules(packets: Packets) -> list[str]:
    """The conditions of what is dropped."""
    lines = render_losses([Lost(ETH0, packets)]).splitlines()
    return [line.strip().removesuffix("counter drop").strip() for line in lines if "drop" in line]


@pytest.mark.parametrize(
    ("packets", "conditions"),
    [
        (Packets(), [""]),
        (Packets(longer_than=1300), ["meta protocol { ip, ip6 } meta length > 1300"]),
        (Packets(Protocol.BGP), ["tcp sport 179", "tcp dport 179"]),
        (Packets(Protocol.UDP, 53), ["udp sport 53", "udp dport 53"]),
        (Packets(Protocol.TCP), ["meta l4proto tcp"]),
        (
            Packets(Protocol.ESP),
            ["meta l4proto esp", f"udp sport 4500 {ESP_IN_UDP}", f"udp dport 4500 {ESP_IN_UDP}"],
        ),
        (
            Packets(Protocol.IKE),
            [
                "udp sport 500",
                "udp dport 500",
                "udp sport 4500 @th,64,32 0x0",
                "udp dport 4500 @th,64,32 0x0",
            ],
        ),
    ],
)
def test_each_way_in_which_a_packet_may_be_meant(packets: Packets, conditions: list[str]) -> None:
    assert rules(packets) == conditions


def test_neighbour_discovery_is_no_icmp_to_lose() -> None:
    four, six = rules(Packets(Protocol.ICMP))
    assert four == "meta l4proto icmp"
    assert six.startswith("icmpv6 type != {")
    assert "nd-neighbor-solicit" in six


def test_devices_have_a_hook_each_and_tunnels_one_by_name() -> None:
    text = render_losses(
        [Lost(ETH0), Lost(ETH1), Lost(ETH0, Packets(Protocol.BGP)), Lost(TUNNEL, tunnel=True)]
    )
    assert text.count("hook ingress") == 2
    assert text.count('device "eth0"') == 1
    assert text.count("hook prerouting") == 1
    assert 'iifname "to-gw" counter drop' in text


def test_without_losses_there_is_no_table_left() -> None:
    lines = render_losses([]).splitlines()
    tables = ("table netdev mseelab-faults", "table inet mseelab-faults")
    assert lines == [f"{verb} {table}" for table in tables for verb in ("add", "delete")]
