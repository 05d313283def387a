"""What IPsec promises, each on the wire: confidentiality, anti-replay, integrity, authenticity.

Packets are taken where a third party could, on the provider's edge, and put in again from
Microsoft's network, with the outer addresses they had. What matters is what comes out of the tunnel.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lab_client import Lab
from scapy.layers.inet import IP, UDP
from tunnel_labs import (
    DEVICE,
    GATEWAYS,
    HOST,
    SECURE_VM,
    captured,
    needs_data_plane,
    policy,
    secure,
    topology,
)

Start = Callable[..., Lab]

PROVIDER = ("pe1:msee1-200", "pe2:msee2-200")
INSIDE = ("vpn1:vpngw-secure-0", "vpn1:vpngw-secure-1")
INBOUND = 1
ESP_PORT = 4500
NO_ESP = b"\0\0\0\0"
"""Marks IKE on that port (RFC 3948 section 2.2)."""


def esp_from_azure(seen: list[Any]) -> list[bytes]:
    """IP packets with ESP from a gateway instance to the device, each once."""
    return list(
        dict.fromkeys(
            bytes(packet[IP])
            for packet in seen
            if IP in packet
            and UDP in packet
            and (packet[IP].src in GATEWAYS and packet[IP].dst == DEVICE)
            and packet[UDP].dport == ESP_PORT
            and not bytes(packet[UDP].payload).startswith(NO_ESP)
        )
    )


def ping_from_azure(lab: Lab, secret: bytes, count: int) -> None:
    words = ("ping", "-n", "-c", str(count), "-i", "0.02", "-p", secret.hex(), "-s", "200", HOST)
    assert lab.execute("vm-secure", *words).returncode == 0


def put_in(lab: Lab, packets: list[bytes]) -> None:
    words = [packet.hex() for packet in packets]
    done = lab.execute("msnet", "python3", "-c", PUT_IN, *words)
    assert done.returncode == 0, done.stderr


PUT_IN = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as wire:
    for word in sys.argv[1:]:
        packet = bytes.fromhex(word)
        wire.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
"""


@contextmanager
def arriving(lab: Lab, folder: Path) -> Any:
    """What comes to the device outside, and out of its tunnels."""
    folder.mkdir()
    with captured(lab, "vpn1:eth0", *INSIDE, folder=folder) as seen:
        yield seen


def came_out(seen: list[Any], secret: bytes) -> int:
    """How many packets with the secret left a tunnel at the device."""
    inside = [packet for packet in seen if packet.sniffed_on != "eth0" and packet.direction == INBOUND]
    return sum(secret in bytes(packet) for packet in inside)


def outside(seen: list[Any], packets: list[bytes]) -> int:
    """How many of those arrived at the device's outer interface; hops have changed TTL and sum."""
    bodies = {packet[20:] for packet in packets}
    return sum(IP in one and one.sniffed_on == "eth0" and bytes(one[IP])[20:] in bodies for one in seen)


@needs_data_plane
@pytest.mark.parametrize("tampering", ["replayed", "one bit flipped"])
def test_a_packet_put_in_again_or_changed_never_comes_out(
    tampering: str, secured: Lab, tmp_path: Path
) -> None:
    secret = random.Random(tampering).randbytes(16)
    with captured(secured, *PROVIDER, folder=tmp_path) as seen:
        ping_from_azure(secured, secret, 5)
    taken = esp_from_azure(seen)
    assert len(taken) >= 5
    injected = taken if tampering == "replayed" else [flipped(packet) for packet in taken]
    with arriving(secured, tmp_path / "again") as seen:
        put_in(secured, injected)
        ping_from_azure(secured, secret, 3)
    assert outside(seen, injected) == len(injected), "they reached the device"
    assert came_out(seen, secret) == 3, "and only what was sent came out"


def flipped(packet: bytes) -> bytes:
    """One bit of the ESP sequence number, far ahead of the window, so that it is no replay. The UDP
    checksum of ESP is zero (RFC 3948 section 2.1), the IP checksum covers the header alone."""
    changed = bytearray(packet)
    changed[20 + 8 + 4 + 2] ^= 0x40
    return bytes(changed)


@needs_data_plane
def test_a_capture_shows_the_payload_when_nothing_is_encrypted(tmp_path: Path, start_lab: Start) -> None:
    """The counterpart of every claim that nothing is seen: with encryption None all of it is."""

    def in_clear(data: Any) -> None:
        clear = policy(ipsec_encryption="None", ipsec_integrity="SHA256")["ipsec_policies"]
        secure(data)["ipsec_policies"] = clear

    lab = start_lab(str(topology(tmp_path, in_clear)), "test-clear")
    secret = random.Random(5).randbytes(16)
    with captured(lab, *PROVIDER, folder=tmp_path) as seen:
        ping_from_azure(lab, secret, 5)
    assert [packet for packet in seen if secret in bytes(packet)]


@needs_data_plane
def test_counters_grow_by_what_was_sent(secured: Lab) -> None:
    def carried() -> int:
        ends = secured.inspect()["tunnels"]
        return sum(one["bytes_out"] for one in ends if one["node"] == "vpn1")

    before = carried()
    words = ("ping", "-n", "-c", "50", "-i", "0.01", "-s", "1000", SECURE_VM)
    assert secured.execute("app1", *words).returncode == 0
    inner = 50 * (1000 + 8 + 20)
    assert inner <= carried() - before <= inner + 4000, "beside it only BGP's keepalives"
