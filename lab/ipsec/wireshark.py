"""Keys as Wireshark takes them: rows of its tables, files of a configuration folder.

(Wireshark User's Guide, chapter 11.) A capture file itself can hold the one of ESP, with two columns more,
as secrets of type ESP (draft-ietf-opsawg-pcapng, section 4.7); for IKE there is no such type.
"""

from __future__ import annotations

from ipaddress import ip_address

from lab.ipsec.keys import EspKeys, IkeKeys, Ikev1Keys, Keys

ESP_TABLE, IKE_TABLE, IKEV1_TABLE = "esp_sa", "ikev2_decryption_table", "ikev1_decryption_table"

_ESP_CIPHERS = {
    "NULL": "NULL",
    "DES_CBC": "DES-CBC [RFC2405]",
    "3DES_CBC": "TripleDES-CBC [RFC2451]",
    "AES_CBC": "AES-CBC [RFC3602]",
    "AES_GCM_16": "AES-GCM with 16 octet ICV [RFC4106]",
}
_ESP_INTEGRITY = {
    None: "NULL",
    "HMAC_MD5_96": "HMAC-MD5-96 [RFC2403]",
    "HMAC_SHA1_96": "HMAC-SHA-1-96 [RFC2404]",
    "HMAC_SHA2_256_128": "HMAC-SHA-256-128 [RFC4868]",
    "HMAC_SHA2_384_192": "HMAC-SHA-384-192 [RFC4868]",
}
_IKE_CIPHERS = {
    "3DES_CBC": "3DES [RFC2451]",
    **{f"AES_CBC_{size}": f"AES-CBC-{size} [RFC3602]" for size in (128, 192, 256)},
    **{f"AES_GCM_16_{size}": f"AES-GCM-{size} with 16 octet ICV [RFC5282]" for size in (128, 192, 256)},
}
_IKE_INTEGRITY = {
    None: "NONE [RFC4306]",
    "HMAC_MD5_96": "HMAC_MD5_96 [RFC2403]",
    "HMAC_SHA1_96": "HMAC_SHA1_96 [RFC2404]",
    "HMAC_SHA2_256_128": "HMAC_SHA2_256_128 [RFC4868]",
    "HMAC_SHA2_384_192": "HMAC_SHA2_384_192 [RFC4868]",
}


def row(keys: Keys) -> tuple[str, str] | None:
    """The table and its row, as comma separated values; None for IKEv2 with DES, which Wireshark does
    not decrypt."""
    if isinstance(keys, EspKeys):
        return ESP_TABLE, _esp(keys)
    if isinstance(keys, Ikev1Keys):
        return IKEV1_TABLE, f"{keys.initiator_spi:016x},{keys.key.hex()}"
    return (IKE_TABLE, _ike(keys)) if keys.cipher in _IKE_CIPHERS else None


def _esp(keys: EspKeys) -> str:
    return _quoted(
        f"IPv{ip_address(keys.source).version}",
        keys.source,
        keys.destination,
        f"0x{keys.spi:08x}",
        _ESP_CIPHERS[keys.cipher],
        _hex(keys.cipher_key),
        _ESP_INTEGRITY[keys.integrity],
        _hex(keys.integrity_key),
    )


def _ike(keys: IkeKeys) -> str:
    """SPIs and keys are octets here, without quotes."""
    spis = f"{keys.initiator_spi:016x},{keys.responder_spi:016x}"
    ciphering = f"{keys.ei.hex()},{keys.er.hex()},{_quoted(_IKE_CIPHERS[keys.cipher])}"
    return f"{spis},{ciphering},{keys.ai.hex()},{keys.ar.hex()},{_quoted(_IKE_INTEGRITY[keys.integrity])}"


def _hex(key: bytes) -> str:
    return f"0x{key.hex()}" if key else ""


def _quoted(*values: str) -> str:
    return ",".join(f'"{value}"' for value in values)
