"""ESP as it is on the wire, for tests that take it, change it, put it in again and decrypt it.

Between two addresses it is IP protocol 50, or behind UDP port 4500 (RFC 3948); a test need not know.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_client import Lab
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from tunnel_labs import DEVICE, GATEWAYS

ENCAPSULATED = 4500
NO_ESP = b"\0\0\0\0"
"""Marks IKE on that port (RFC 3948 section 2.2)."""
IP_HEADER, UDP_HEADER = 20, 8


@dataclass(frozen=True)
class EspPacket:
    """A whole IP packet, and where its ESP begins."""

    data: bytes
    esp: int

    @property
    def source(self) -> str:
        return str(IP(self.data).src)

    @property
    def spi(self) -> bytes:
        return self.data[self.esp : self.esp + 4]

    def flipped(self, octet: int, bit: int = 6) -> EspPacket:
        """With one other bit in an octet of ESP, from its beginning or, if negative, its end."""
        changed = bytearray(self.data)
        changed[octet if octet < 0 else self.esp + octet] ^= 1 << bit
        return EspPacket(bytes(changed), self.esp)

    @property
    def body(self) -> bytes:
        """ESP itself; hops change what is before it."""
        return self.data[self.esp :]

    @property
    def unchecked(self) -> bytes:
        """Without a checksum of UDP: ESP should have none (RFC 3948 section 2.1), charon's has one, and
        it would be the kernel that drops what is changed. The checksum of IP covers its header alone."""
        if self.esp == IP_HEADER:
            return self.data
        return self.data[: self.esp - 2] + b"\0\0" + self.body


def is_ike(packet: Any) -> bool:
    if UDP not in packet:
        return False
    port, body = packet[UDP].dport, bytes(packet[UDP].payload)
    return port == 500 or (port == ENCAPSULATED and body.startswith(NO_ESP))


def esp_of(packet: Any) -> EspPacket | None:
    """The ESP packet between the device and a gateway that this is."""
    if IP not in packet or is_ike(packet):
        return None
    ends = {packet[IP].src, packet[IP].dst}
    if DEVICE not in ends or not ends & set(GATEWAYS):
        return None
    data = bytes(packet[IP])
    if packet[IP].proto == 50:
        return EspPacket(data, IP_HEADER)
    if UDP in packet and packet[UDP].dport == ENCAPSULATED and len(packet[UDP].payload) > 1:
        return EspPacket(data, IP_HEADER + UDP_HEADER)
    return None


def esp_from_azure(seen: Iterable[Any]) -> list[EspPacket]:
    """To the device, each once."""
    found = (esp_of(packet) for packet in seen)
    return list(dict.fromkeys(one for one in found if one is not None and one.source in GATEWAYS))


def put_in(lab: Lab, packets: Iterable[EspPacket]) -> None:
    """From Microsoft's network, with the addresses they have."""
    words = [packet.unchecked.hex() for packet in packets]
    done = lab.python("msnet", _PUT_IN, *words)
    assert done.returncode == 0, done.stderr


_PUT_IN = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as wire:
    for word in sys.argv[1:]:
        packet = bytes.fromhex(word)
        wire.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
"""


@contextmanager
def kept_from_the_device(lab: Lab) -> Iterator[None]:
    """ESP of the gateways gets lost just before the device, so that it has never seen what is taken of it
    on the way."""
    sources = ", ".join(GATEWAYS)
    rules = f"""
table inet test-loss {{
    chain arriving {{
        type filter hook prerouting priority raw;
        ip saddr {{ {sources} }} ip protocol esp drop
        ip saddr {{ {sources} }} udp dport {ENCAPSULATED} @th,64,32 != 0 drop
    }}
}}"""
    done = lab.execute("vpn1", "nft", rules)
    assert done.returncode == 0, done.stderr
    try:
        yield
    finally:
        lab.execute("vpn1", "nft", "delete table inet test-loss")


# Decryption, by what `capture --keys` left beside the capture.

_CIPHERS = {"AES-GCM with 16 octet ICV [RFC4106]": "AES-GCM", "AES-CBC [RFC3602]": "AES-CBC"}
_INTEGRITY = {
    "NULL": None,
    "HMAC-SHA-256-128 [RFC4868]": "SHA2-256-128",
    "HMAC-SHA-1-96 [RFC2404]": "HMAC-SHA1-96",
}


def associations(keys: Path) -> dict[tuple[str, bytes], SecurityAssociation]:
    """By destination and SPI: scapy's, from Wireshark's table."""
    found = {}
    with (keys / "esp_sa").open() as table:
        for _, source, destination, spi, cipher, key, integrity, integrity_key in csv.reader(table):
            name = destination, bytes.fromhex(spi[2:])
            found[name] = SecurityAssociation(
                ESP,
                spi=int(spi, 16),
                crypt_algo=_CIPHERS[cipher],
                crypt_key=bytes.fromhex(key[2:]),
                auth_algo=_INTEGRITY[integrity],
                auth_key=bytes.fromhex(integrity_key[2:]),
                tunnel_header=IP(src=source, dst=destination),
            )
    return found


def decrypted(packets: Iterable[EspPacket], keys: Path) -> list[bytes]:
    """The packets inside, of those the keys are for; scapy checks every ICV."""
    known = associations(keys)
    inside = []
    for packet in packets:
        name = IP(packet.data).dst, packet.spi
        if name in known:
            header = IP(src=packet.source, dst=name[0], proto=50)
            inside.append(bytes(known[name].decrypt(IP(bytes(header / ESP(packet.data[packet.esp :]))))))
    return inside
