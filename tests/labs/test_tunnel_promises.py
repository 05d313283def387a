"""What IPsec promises, each on the wire: confidentiality, anti-replay, authenticity, integrity.

Packets are taken where a third party could, on the provider's edge, and put in again from
Microsoft's network, with the outer addresses they had. What matters is what comes out of the tunnel.
The same on either data plane: what is said of ESP holds inside UDP and outside.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import stat
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from esp_wire import (
    EspPacket,
    decrypted,
    esp_from_azure,
    esp_of,
    is_ike,
    kept_from_the_device,
    put_in,
)
from lab_client import COMMAND, Lab, environment, eventually, marked_processes
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP
from scapy.utils import PcapNgReader
from tunnel_labs import (
    DEVICE,
    GATEWAYS,
    HOST,
    SECURE_VM,
    captured,
    device,
    folder_of,
    needs_data_plane,
    policy,
    rekeyed,
    secure,
    states,
    topology,
)

Start = Callable[..., Lab]

PROVIDER = ("pe1:msee1-200", "pe2:msee2-200")
INSIDE = ("vpn1:vpngw-secure-0", "vpn1:vpngw-secure-1")
INBOUND = 1

REPLAY, INTEGRITY = "packets_dropped_replay", "packets_dropped_integrity"
COUNTED_S = 30
"""At once, but for a machine with many labs at a time."""


def ping_from_azure(lab: Lab, secret: bytes, count: int) -> None:
    lab.pings("vm-secure", HOST, count, *carrying(secret))


def carrying(secret: bytes) -> tuple[str, ...]:
    """What ping is told to have it in its packets."""
    return ("-p", secret.hex(), "-s", "200")


def secret_for(case: str) -> bytes:
    return random.Random(case).randbytes(16)


def dropped(lab: Lab) -> Counter[str]:
    """What the device refused, of both tunnels together."""
    total: Counter[str] = Counter()
    for end in lab.inspect()["tunnels"]:
        if end["node"] == "vpn1":
            total.update({reason: end[reason] for reason in (REPLAY, INTEGRITY)})
    return total


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


def outside(seen: list[Any], packets: list[EspPacket]) -> int:
    """How many of those arrived at the device's outer interface."""
    bodies = {packet.body for packet in packets}
    arrived = [esp_of(one) for one in seen if one.sniffed_on == "eth0"]
    return sum(packet is not None and packet.body in bodies for packet in arrived)


def strangers(seen: list[Any]) -> list[str]:
    """What is neither ESP nor IKE of the two ends, nor the two routers of the peering among themselves:
    ARP, BGP, IPv6's chatter."""
    return [
        packet.summary()
        for packet in seen
        if esp_of(packet) is None
        and not _ike_of_the_ends(packet)
        and ARP not in packet
        and not packet.haslayer("IPv6")
        and not (TCP in packet and 179 in (packet[TCP].sport, packet[TCP].dport))
    ]


def _ike_of_the_ends(packet: Any) -> bool:
    """Or the one octet with which an end keeps a NAT's mapping (RFC 3948 section 4)."""
    if IP not in packet or UDP not in packet:
        return False
    ends = {packet[IP].src, packet[IP].dst}
    keepalive = bytes(packet[UDP].payload)[:1] == b"\xff" and packet[UDP].len == 9
    return DEVICE in ends and bool(ends & set(GATEWAYS)) and (is_ike(packet) or keepalive)


# Confidentiality.

PACKAGES = {
    "AES-GCM": {},
    "AES-CBC and HMAC": {"ipsec_encryption": "AES256", "ipsec_integrity": "SHA256"},
}


@pytest.fixture(params=PACKAGES)
def ciphered(request: pytest.FixtureRequest, tmp_path: Path, start_lab: Start, secured: Lab) -> Lab:
    """A lab with tunnels, by what ESP is made of; the first is what Azure offers first."""
    changes = PACKAGES[request.param]
    if not changes:
        return secured
    chosen = policy(**changes)["ipsec_policies"]
    path = topology(tmp_path, lambda data: secure(data).update(ipsec_policies=chosen))
    return start_lab(str(path), "test-cbc")


@pytest.mark.everywhere
@needs_data_plane
def test_a_third_party_sees_esp_only_and_with_the_keys_all_of_it(ciphered: Lab, tmp_path: Path) -> None:
    """Also across new keys that are made while the capture goes on."""
    secret = secret_for("confidential")
    with captured(ciphered, *PROVIDER, folder=tmp_path, words=("--keys",)) as seen:
        ping_from_azure(ciphered, secret, 10)
        rekeyed(ciphered)
        ping_from_azure(ciphered, secret, 10)
    assert not strangers(seen)
    assert not [packet for packet in seen if secret[:8] in bytes(packet)]
    esp = list(dict.fromkeys(found for found in map(esp_of, seen) if found is not None))
    assert len({packet.spi for packet in esp}) >= 4, "old and new associations, both directions"
    inside = [IP(packet) for packet in decrypted(esp, tmp_path / "0.pcapng.keys")]
    told = [packet for packet in inside if secret in bytes(packet)]
    assert Counter(packet.src for packet in told) == {SECURE_VM: 20, HOST: 20}


@needs_data_plane
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_decrypts_esp_and_ike_by_the_folder_beside_the_capture(
    ciphered: Lab, tmp_path: Path
) -> None:
    secret = secret_for("wireshark")
    with captured(ciphered, *PROVIDER, folder=tmp_path, words=("--keys",)):
        rekeyed(ciphered)
        ping_from_azure(ciphered, secret, 10)

    def dissected(which: str, field: str) -> list[str]:
        return [said for path in sorted(tmp_path.glob("*.pcapng")) for said in _dissected(path, which, field)]

    assert set(dissected("icmp && esp.icv_bad == 0", "esp.icv_good")) == {"1"}
    told = dissected("icmp", "data.data")
    assert told
    assert all(secret.hex() in payload for payload in told)
    assert dissected("isakmp.enc.decrypted", "isakmp.exchangetype"), "the rekeying can be read"


def _dissected(path: Path, which: str, field: str) -> list[str]:
    done = subprocess.run(
        ["tshark", "-r", str(path), "-Y", which, "-T", "fields", "-e", field],
        capture_output=True,
        text=True,
        env=os.environ | {"WIRESHARK_CONFIG_DIR": f"{path}.keys"},
        check=True,
        timeout=60,
    )
    return done.stdout.split()


@needs_data_plane
def test_a_capture_shows_the_payload_when_nothing_is_encrypted(tmp_path: Path, start_lab: Start) -> None:
    """The counterpart of every claim that nothing is seen: with encryption None all of it is."""

    def in_clear(data: Any) -> None:
        clear = policy(ipsec_encryption="None", ipsec_integrity="SHA256")["ipsec_policies"]
        secure(data)["ipsec_policies"] = clear

    lab = start_lab(str(topology(tmp_path, in_clear)), "test-clear")
    secret = secret_for("clear")
    with captured(lab, *PROVIDER, folder=tmp_path) as seen:
        ping_from_azure(lab, secret, 5)
    assert [packet for packet in seen if secret in bytes(packet)]


@pytest.mark.everywhere
@needs_data_plane
def test_keys_are_only_where_they_were_asked_for_and_only_as_long(secured: Lab, tmp_path: Path) -> None:
    """Not in the run folder, in logs, events, arguments or environments, also while somebody has them."""
    path = tmp_path / "asked.pcapng"
    capture = subprocess.Popen(
        [*COMMAND, "capture", PROVIDER[0], "-w", str(path), "--keys"],
        stderr=subprocess.PIPE,
        env=environment(secured.mark, MSEELAB_NAME=secured.name),
    )
    assert capture.stderr is not None
    assert capture.stderr.readline().startswith(b"capturing on ")
    try:
        folder = Path(f"{path}.keys")
        eventually("two tunnels' keys: ESP each way, four of IKE", lambda: len(_keys_in(folder)) >= 4 + 8)
        keys = _keys_in(folder)
        assert _modes([path, folder, *folder.iterdir()]) == {
            "asked.pcapng": 0o600,
            "asked.pcapng.keys": 0o700,
        } | dict.fromkeys(("esp_sa", "ikev2_decryption_table", "preferences"), 0o600)
        assert not _holders(secured, keys)
        assert _pipes(secured)
    finally:
        capture.send_signal(signal.SIGINT)
        capture.communicate(timeout=20)
    eventually("nobody logs keys any more", lambda: not _pipes(secured))
    rekeyed(secured)
    assert _keys_in(folder) == keys
    assert not [log for log in folder_of(secured).rglob("*.log") if b"Sk_ei" in log.read_bytes()]


def _keys_in(folder: Path) -> set[bytes]:
    words = "".join(path.read_text() for path in folder.iterdir())
    return {bytes.fromhex(word) for word in re.findall(r"(?<![0-9a-f])[0-9a-f]{40,}", words)}


def _modes(paths: Iterable[Path]) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths}


def _pipes(lab: Lab) -> list[Path]:
    """Through which charons tell their keys."""
    return [path for path in (folder_of(lab) / "tunnels").rglob("*") if path.is_fifo()]


def _holders(lab: Lab, keys: set[bytes]) -> list[Path]:
    """Files of the lab, and what the kernel tells of processes, that hold a key in any notation."""
    notations = [
        text
        for key in keys
        for head in [key[:16]]
        for text in (head, head.hex().encode(), head.hex().upper().encode(), head.hex(" ").upper().encode())
    ]
    folder = folder_of(lab)
    ours = [path for path in folder.rglob("*") if path.is_file()]
    told = [
        path
        for pid in marked_processes(lab.mark)
        for path in (Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ"))
    ]
    found = []
    for path in (*ours, *told):
        with suppress(ProcessLookupError, FileNotFoundError):
            data = path.read_bytes()
            found += [path] if any(text in data for text in notations) else []
    return found


# Anti-replay, and integrity.

REGIONS = {
    "sequence number": 5,
    "initialization vector": 8,
    "ciphertext": 100,
    "integrity check value": -1,
}
"""An octet of each, from the beginning of ESP or from its end (RFC 4303 section 2). That bit of the sequence
number is far ahead of the window, so that it is no replay."""


@pytest.mark.everywhere
@needs_data_plane
@pytest.mark.parametrize("region", REGIONS)
def test_a_packet_with_one_bit_flipped_is_dropped_and_counted(
    region: str, secured: Lab, tmp_path: Path
) -> None:
    """And it is the bit: the same packets as they were sent come out, once. Right behind, because what is
    many packets old is dropped for its age."""
    secret = secret_for(region)
    taken = taken_from_azure(secured, secret, 5, tmp_path)
    before = dropped(secured)
    with arriving(secured, tmp_path / "arriving") as seen:
        put_in(secured, [*(packet.flipped(REGIONS[region]) for packet in taken), *taken])
        eventually("all are counted", lambda: dropped(secured) - before == {INTEGRITY: 5}, COUNTED_S)
        ping_from_azure(secured, secret, 3)
    assert came_out(seen, secret) == 5 + 3
    assert dropped(secured) - before == {INTEGRITY: 5}


@pytest.mark.everywhere
@needs_data_plane
def test_a_packet_of_no_known_association_is_dropped(secured: Lab, tmp_path: Path) -> None:
    """One bit of the SPI: nobody knows whose it is, so no tunnel counts it."""
    secret = secret_for("spi")
    taken = taken_from_azure(secured, secret, 5, tmp_path)
    strange = [packet.flipped(0) for packet in taken]
    before = dropped(secured)
    with arriving(secured, tmp_path / "flipped") as seen:
        put_in(secured, strange)
        ping_from_azure(secured, secret, 3)
    assert outside(seen, strange) == 5, "they reached the device"
    assert came_out(seen, secret) == 3, "and only what was sent came out"
    assert dropped(secured) == before


@pytest.mark.everywhere
@needs_data_plane
def test_a_packet_put_in_again_is_dropped_and_counted(secured: Lab, tmp_path: Path) -> None:
    secret = secret_for("replayed")
    with captured(secured, *PROVIDER, folder=tmp_path) as seen:
        ping_from_azure(secured, secret, 5)
    taken = esp_from_azure(seen)
    assert len(taken) >= 5
    before = dropped(secured)
    with arriving(secured, tmp_path / "again") as seen:
        put_in(secured, taken)
        put_in(secured, taken)
        ping_from_azure(secured, secret, 3)
        again = {REPLAY: 2 * len(taken)}
        eventually("all are counted", lambda: dropped(secured) - before == again, COUNTED_S)
    assert outside(seen, taken) == 2 * len(taken), "they reached the device"
    assert came_out(seen, secret) == 3, "and only what was sent came out"


def taken_from_azure(lab: Lab, secret: bytes, count: int, folder: Path) -> list[EspPacket]:
    """ESP packets with the secret that the device has never seen."""
    with captured(lab, *PROVIDER, folder=folder) as seen, kept_from_the_device(lab):
        words = ("ping", "-n", "-c", str(count), "-i", "0.02", "-W", "1", *carrying(secret), HOST)
        assert lab.execute("vm-secure", *words).returncode == 1, "nothing is answered"
    taken = [packet for packet in esp_from_azure(seen) if len(packet.data) > 228]
    assert len(taken) == count
    return taken


# Authenticity.


@pytest.mark.everywhere
@needs_data_plane
def test_with_another_key_there_is_ike_on_the_wire_and_never_esp(tmp_path: Path, start_lab: Start) -> None:
    other = {"connection": "conn-secure", "shared_key": "another"}
    path = topology(tmp_path, lambda data: device(data).update(tunnels=[other]))
    lab = start_lab(str(path), "test-other-key")
    with captured(lab, *PROVIDER, folder=tmp_path) as seen:
        eventually("an end tries again", lambda: any(map(is_ike, so_far(tmp_path))), seconds=IKE_RETRY_S)
        eventually("it says why", lambda: refused(lab), seconds=IKE_RETRY_S)
        lab.execute("vm-secure", "ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", HOST)
    assert "established" not in states(lab)
    assert not strangers(seen)
    assert not [packet for packet in seen if esp_of(packet) is not None]


IKE_RETRY_S = 30
"""A try comes every few seconds; this is for machines that are slow."""


def so_far(folder: Path) -> list[Any]:
    """What the captures into a folder hold by now."""
    seen: list[Any] = []
    for path in (path for path in folder.glob("*.pcapng") if path.stat().st_size):
        with PcapNgReader(str(path)) as reader:
            seen += list(reader)
    return seen


def refused(lab: Lab) -> bool:
    return all("AUTHENTICATION_FAILED" in (one["problem"] or "") for one in lab.inspect()["tunnels"])


# What was sent is what was counted.


@pytest.mark.everywhere
@needs_data_plane
def test_both_ends_count_what_went_through_to_the_octet(secured: Lab) -> None:
    """What is more than that is of BGP inside, which says something every few seconds: every packet that
    was not sent here has the size of a keepalive or an acknowledgement."""
    before = carried(secured)
    secured.pings("app1", SECURE_VM, SENT, "-s", "1000")
    grown = carried(secured) - before
    for end in ("vpn1", "vpngw-secure"):
        for way in ("in", "out"):
            others = grown[end, f"packets_{way}"] - SENT
            octets = grown[end, f"bytes_{way}"] - SENT * SIZE
            assert 0 <= others < SENT, "a look does not take that long"
            assert others * ACKNOWLEDGEMENT <= octets <= others * KEEPALIVE


SENT, SIZE = 50, 20 + 8 + 1000
ACKNOWLEDGEMENT, KEEPALIVE = 20 + 20 + 12, 20 + 20 + 12 + 19
"""IPv4, TCP and its timestamps, and the whole message (RFC 4271 section 4.4)."""


def carried(lab: Lab) -> Counter[tuple[str, str]]:
    """By device or gateway: what went through both tunnels."""
    total: Counter[tuple[str, str]] = Counter()
    for end in lab.inspect()["tunnels"]:
        for key in ("bytes_in", "bytes_out", "packets_in", "packets_out"):
            total[end["node"].removesuffix("-0").removesuffix("-1"), key] += end[key]
    return total


# Nothing is left.


@pytest.mark.everywhere
@needs_data_plane
def test_a_lab_that_ends_takes_keys_and_associations_along(
    tmp_path: Path, start_lab: Start, plane: str
) -> None:
    before = esp_in_this_kernel()
    lab = start_lab("expressroute-vpn", "test-keys-end")
    assert (esp_in_this_kernel() > before) is (plane == "kernel")
    folder = folder_of(lab)
    words = [*COMMAND, "capture", PROVIDER[0], "-w", str(tmp_path / "c.pcapng"), "--keys"]
    variables = environment(lab.mark, MSEELAB_NAME=lab.name)
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=variables) as capture:
        assert capture.stderr is not None
        assert capture.stderr.readline().startswith(b"capturing on ")
        assert _pipes(lab)
        assert lab.run("down").returncode == 0
        assert capture.wait(20) == 0
    assert not folder.exists()
    eventually("no association is left", lambda: esp_in_this_kernel() <= before)


def esp_in_this_kernel() -> int:
    """Associations of all its namespaces: each has hold of the module."""
    holders = Path("/sys/module/esp4/refcnt")
    return int(holders.read_text()) if holders.exists() else 0
