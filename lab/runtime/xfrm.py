"""ESP in the kernel as it is seen over netlink and in /proc (linux/xfrm.h).

Of one namespace: what it can do, which errors it has counted, and that nothing is left. charon does
the rest.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from lab.netlink import NLM_F_CREATE, attribute, message
from lab.plan.tunnels import without_key_exchange
from lab.runtime.netlink_socket import send
from lab.runtime.netns import NetworkNamespace

NETLINK_XFRM = 6
XFRM_MSG_NEWSA, XFRM_MSG_FLUSHSA, XFRM_MSG_FLUSHPOLICY = 0x10, 0x1C, 0x1D
XFRMA_ALG_CRYPT, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH_TRUNC, XFRMA_IF_ID = 2, 18, 20, 31
XFRM_MODE_TUNNEL = 1
EVERY_PROTOCOL = 255
FOREVER = (1 << 64) - 1
TRIAL_SPI = 0x1000

STATISTICS = "/proc/thread-self/net/xfrm_stat"


@dataclass(frozen=True)
class Algorithm:
    """As the kernel calls it. ``key_bytes`` of an AEAD include its salt, ``icv_bits`` are those sent."""

    name: str
    key_bytes: int
    icv_bits: int = 0


COMBINED = {f"aes{bits}gcm16": Algorithm("rfc4106(gcm(aes))", bits // 8 + 4, 128) for bits in (128, 192, 256)}
CIPHERS = {
    **{f"aes{bits}": Algorithm("cbc(aes)", bits // 8) for bits in (128, 192, 256)},
    "3des": Algorithm("cbc(des3_ede)", 24),
    "des": Algorithm("cbc(des)", 8),
    "null": Algorithm("ecb(cipher_null)", 0),
}
INTEGRITY = {
    "md5": Algorithm("hmac(md5)", 16, 96),
    "sha1": Algorithm("hmac(sha1)", 20, 96),
    "sha256": Algorithm("hmac(sha256)", 32, 128),
}
"""By strongSwan's keywords; the truncations are those of RFC 2403, 2404 and 4868."""


def try_association(namespace: NetworkNamespace, proposal: str) -> None:
    """Add an association of an ESP proposal and flush it again. Raises OSError when the kernel refuses;
    a proposal that we do not know is left to charon."""
    algorithms = _algorithms(proposal)
    if algorithms is None:
        return
    body = _association() + algorithms + attribute(XFRMA_IF_ID, struct.pack("=I", 1))
    try:
        send(namespace, NETLINK_XFRM, message(XFRM_MSG_NEWSA, body, NLM_F_CREATE))
    finally:
        with contextlib.suppress(OSError):
            flush(namespace)


def flush(namespace: NetworkNamespace) -> None:
    """No association and no policy any more. Raises OSError."""
    every = struct.pack("=B", EVERY_PROTOCOL)
    send(namespace, NETLINK_XFRM, message(XFRM_MSG_FLUSHPOLICY, b""), message(XFRM_MSG_FLUSHSA, every))


def errors(namespace: NetworkNamespace) -> dict[str, int]:
    """Packets that the namespace dropped for IPsec's sake, by the kernel's name of the reason, where
    there were any (Documentation/networking/xfrm_proc.rst)."""
    with namespace.entered():
        try:
            text = Path(STATISTICS).read_text()
        except FileNotFoundError:  # a kernel may be built without them
            return {}
    counted = (line.split() for line in text.splitlines())
    return {name: int(count) for name, count in counted if int(count)}


def _algorithms(proposal: str) -> bytes | None:
    cipher, _, integrity = without_key_exchange(proposal).partition("-")
    if cipher in COMBINED:
        return _attribute(XFRMA_ALG_AEAD, COMBINED[cipher])
    if cipher in CIPHERS and integrity in INTEGRITY:
        return _attribute(XFRMA_ALG_CRYPT, CIPHERS[cipher]) + _attribute(
            XFRMA_ALG_AUTH_TRUNC, INTEGRITY[integrity]
        )
    return None


def _attribute(kind: int, algorithm: Algorithm) -> bytes:
    """struct xfrm_algo; an AEAD and an integrity say beside the key how much of the check they send."""
    head = struct.pack("=64sI", algorithm.name.encode(), 8 * algorithm.key_bytes)
    if algorithm.icv_bits:
        head += struct.pack("=I", algorithm.icv_bits)
    return attribute(kind, head + bytes(range(algorithm.key_bytes)))


def _association() -> bytes:
    """struct xfrm_usersa_info: any to any in a tunnel between two addresses for documentation."""
    here, there = (socket.inet_aton(address).ljust(16, b"\0") for address in ("192.0.2.1", "192.0.2.2"))
    selector = struct.pack("=32x8xHBBBxxxiI", socket.AF_INET, 0, 0, 0, 0, 0)
    identity = there + struct.pack(">IBxxx", TRIAL_SPI, socket.IPPROTO_ESP)
    lifetime = struct.pack("=8Q", *[FOREVER] * 4, *[0] * 4) + bytes(32)
    statistics = bytes(12)
    rest = struct.pack("=IIHBBB7x", 0, 0, socket.AF_INET, XFRM_MODE_TUNNEL, 32, 0)
    return selector + identity + here + lifetime + statistics + rest
