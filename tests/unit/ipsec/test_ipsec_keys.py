"""Keys in charon's log: whose they are, and how Wireshark wants them."""

from __future__ import annotations

import pytest

from lab.ipsec.keys import EspKeys, IkeKeys, Ikev1Keys, KeyLog, Keys, renewals, with_logger
from lab.ipsec.wireshark import row
from lab.plan.proposals import AZURE_ACCEPTS

HERE, THERE = "203.0.113.110", "52.175.253.112"
INITIATORS, RESPONDERS = bytes(range(36)), bytes(range(100, 136))


def dump(title: str, key: bytes, thread: str = "01", group: str = "CHD") -> list[str]:
    """As charon writes octets, sixteen a line, with their characters behind."""
    head = f"{thread}[{group}] "
    lines = [f"{head}{title} => {len(key)} bytes @ 0x7fa29c001560"]
    for offset in range(0, len(key), 16):
        piece = key[offset : offset + 16]
        octets = "".join(f"{octet:02X} " for octet in piece)
        lines.append(f"{head}{offset:4d}: {octets:<48} {'0A 1B.'}")
    return lines


def child(kind: str, spi_in: int, spi_out: int, thread: str = "01") -> list[str]:
    """A CREATE_CHILD_SA at this end, by AES-GCM."""
    head = f"{thread}[CHD] "
    return [
        f"{thread}[ENC] parsed CREATE_CHILD_SA {kind} 0 [ SA No TSi TSr ]",
        f"{head}  using AES_GCM_16 for encryption",
        *dump("seed", bytes(64), thread),
        *dump("encryption initiator key", INITIATORS, thread),
        *dump("encryption responder key", RESPONDERS, thread),
        f"{head}adding inbound ESP SA",
        f"{head}  SPI 0x{spi_in:08x}, src {THERE} dst {HERE}",
        f"{head}registering outbound ESP SA",
        f"{head}  SPI 0x{spi_out:08x}, src {HERE} dst {THERE}",
    ]


def told(*lines: str) -> list[Keys]:
    log = KeyLog()
    return [found for found in map(log.read, lines) if found is not None]


@pytest.mark.parametrize(
    ("kind", "theirs", "ours"),
    [("response", RESPONDERS, INITIATORS), ("request", INITIATORS, RESPONDERS)],
    ids=["we", "they"],
)
def test_who_began_the_exchange_sends_with_the_initiators_keys(kind: str, theirs: bytes, ours: bytes) -> None:
    assert told(*child(kind, 0x14BD470D, 0x23AB99EB)) == [
        EspKeys(THERE, HERE, 0x14BD470D, "AES_GCM_16", theirs),
        EspKeys(HERE, THERE, 0x23AB99EB, "AES_GCM_16", ours),
    ]


def test_an_association_is_told_once_whoever_installs_it_later() -> None:
    """The outbound one is installed when the old one is deleted, in a thread that may still hold others."""
    later = ["01[CHD] adding outbound ESP SA", f"01[CHD]   SPI 0x00000002, src {HERE} dst {THERE}"]
    found = told(*child("request", 1, 2, "02"), *child("request", 3, 4), *later)
    assert [keys.name[2] for keys in found] == [1, 2, 3, 4]


def test_threads_do_not_mix() -> None:
    one, two = child("response", 1, 2), child("request", 3, 4, "02")
    mixed = [line for pair in zip(one, two, strict=True) for line in pair]
    assert {keys.name: keys for keys in told(*mixed)} == {keys.name: keys for keys in told(*one, *two)}


def test_a_new_message_is_a_new_start() -> None:
    """What a thread derived for one exchange is not taken for the next one's."""
    assert not told(
        *child("response", 1, 2)[:-4],
        "01[ENC] parsed INFORMATIONAL request 3 [ D ]",
        "01[CHD] adding inbound ESP SA",
        f"01[CHD]   SPI 0x00000001, src {THERE} dst {HERE}",
    )


def test_a_cipher_and_an_integrity_have_a_key_each() -> None:
    lines = child("response", 1, 2)
    lines[1] = "01[CHD]   using AES_CBC for encryption"
    lines.insert(2, "01[CHD]   using HMAC_SHA2_256_128 for integrity")
    integrity = [
        *dump("integrity initiator key", bytes(32)),
        *dump("integrity responder key", bytes(range(32))),
    ]
    inbound, outbound = told(*lines[:-4], *integrity, *lines[-4:])
    assert inbound == EspKeys(THERE, HERE, 1, "AES_CBC", RESPONDERS, "HMAC_SHA2_256_128", bytes(range(32)))
    assert outbound == EspKeys(HERE, THERE, 2, "AES_CBC", INITIATORS, "HMAC_SHA2_256_128", bytes(32))


def test_keys_of_ike_belong_to_the_association_that_is_put_back_complete() -> None:
    checkin = "07[MGR] checkin IKEv2 SA (unnamed)[2] with SPIs "
    lines = [
        "07[ENC] parsed IKE_SA_INIT response 0 [ SA KE No ]",
        "07[CFG] selected proposal: IKE:AES_CBC_256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
        *dump("shared Diffie Hellman secret", bytes(128), "07", "IKE"),
        *dump("Sk_d secret", bytes(20), "07", "IKE"),
        *dump("Sk_ai secret", bytes([1] * 20), "07", "IKE"),
        *dump("Sk_ar secret", bytes([2] * 20), "07", "IKE"),
        *dump("Sk_ei secret", bytes([3] * 32), "07", "IKE"),
        *dump("Sk_er secret", bytes([4] * 32), "07", "IKE"),
        *dump("Sk_pi secret", bytes(20), "07", "IKE"),
        f"{checkin}718700fae8c5a219_i 0000000000000000_r",
        f"{checkin}718700fae8c5a219_i c04cee8cbfa08d2e_r",
        f"{checkin}a299f5e7a1824012_i e0111f88de6c45c6_r",
    ]
    cipher, integrity = bytes([3] * 32), bytes([1] * 20)
    keys = IkeKeys(
        0x718700FAE8C5A219,
        0xC04CEE8CBFA08D2E,
        "AES_CBC_256",
        "HMAC_SHA1_96",
        cipher,
        bytes([4] * 32),
        integrity,
        bytes([2] * 20),
    )
    assert told(*lines) == [keys]
    assert row(keys) == (
        "ikev2_decryption_table",
        f"718700fae8c5a219,c04cee8cbfa08d2e,{'03' * 32},{'04' * 32},"
        f'"AES-CBC-256 [RFC3602]",{"01" * 20},{"02" * 20},"HMAC_SHA1_96 [RFC2404]"',
    )


def test_ikev1_has_one_key() -> None:
    lines = [
        "05[ENC] parsed ID_PROT response 0 [ KE No NAT-D NAT-D ]",
        *dump("SKEYID_e", bytes(20), "05", "IKE"),
        *dump("encryption key Ka", bytes(range(16)), "05", "IKE"),
        "05[MGR] checkin IKEv1 SA starting[1] with SPIs 00000000000000a1_i 00000000000000b2_r",
    ]
    keys = Ikev1Keys(0xA1, 0xB2, bytes(range(16)))
    assert told(*lines) == [keys]
    assert row(keys) == ("ikev1_decryption_table", "00000000000000a1,000102030405060708090a0b0c0d0e0f")


def test_keys_are_not_shown_by_what_holds_them() -> None:
    """They are in tracebacks and logs sooner than one thinks."""
    assert "0001" not in repr(told(*child("response", 1, 2)))
    assert INITIATORS.hex() not in repr(told(*child("response", 1, 2)))
    assert "x04" not in repr(IkeKeys(1, 2, "AES_CBC_256", None, b"\x04", b"\x04"))


def test_lines_that_are_none_of_it_are_passed_over() -> None:
    assert not told("", "half a line", "01[IKE]    0: E8 16 ", "01[CHD]   SPI 0x00000001, src a dst b")


# For Wireshark.


def test_esp_is_a_row_of_its_table() -> None:
    keys = EspKeys(THERE, HERE, 0xBD470D, "AES_GCM_16", INITIATORS)
    assert row(keys) == (
        "esp_sa",
        f'"IPv4","{THERE}","{HERE}","0x00bd470d","AES-GCM with 16 octet ICV [RFC4106]",'
        f'"0x{INITIATORS.hex()}","NULL",""',
    )


CHARON = {"aes256gcm16": "AES_GCM_16", "aes": "AES_CBC", "3des": "3DES_CBC", "des": "DES_CBC"}
INTEGRITY = {"sha1": "HMAC_SHA1_96", "sha256": "HMAC_SHA2_256_128"}


@pytest.mark.parametrize("proposal", AZURE_ACCEPTS.esp)
def test_all_that_azure_accepts_has_a_name_there(proposal: str) -> None:
    cipher, _, rest = proposal.partition("-")
    name = next(name for word, name in CHARON.items() if cipher.startswith(word))
    assert row(EspKeys(THERE, HERE, 1, name, b"k", INTEGRITY.get(rest.partition("-")[0]), b"")) is not None


def test_ike_with_des_has_none() -> None:
    assert row(IkeKeys(1, 2, "DES_CBC", "HMAC_SHA1_96", b"k", b"k")) is None


# New keys.

IKE = {
    "uniqueid": "4",
    "state": "ESTABLISHED",
    "local-host": HERE,
    "remote-host": THERE,
    "initiator-spi": "0000000000000001",
    "responder-spi": "0000000000000002",
}
CHILD = {"uniqueid": "7", "state": "INSTALLED", "spi-in": "0000000a", "spi-out": "0000000b"}
KNOWN = {(1, 2), (THERE, HERE, 10), (HERE, THERE, 11)}


def listed(**child: str) -> list[dict[str, dict[str, object]]]:
    return [{"starting": {**IKE, "child-sas": {"any-7": {**CHILD, **child}}}}]


def test_new_keys_are_asked_for_of_what_is_not_known_esp_first() -> None:
    assert renewals(listed(), set()) == [{"child-id": "7"}]
    assert renewals(listed(), KNOWN - {(1, 2)}) == [{"ike-id": "4"}]
    assert renewals(listed(), KNOWN - {(HERE, THERE, 11)}) == [{"child-id": "7"}]
    assert renewals(listed(), KNOWN) == []


def test_an_association_that_is_on_its_way_out_needs_none() -> None:
    assert renewals(listed(state="REKEYED"), {(1, 2)}) == []
    assert renewals(listed(state="REKEYING"), {(1, 2)}) == [{"child-id": "7"}]


def test_the_logger_goes_into_the_settings_that_charon_has() -> None:
    plain = "charon-systemd {\n  filelog {\n    log {\n      path = x\n    }\n  }\n}\n"
    changed = with_logger(plain)
    assert changed.index("filelog {\n    keys {\n") < changed.index("    log {")
    assert changed.count("{") == changed.count("}")
