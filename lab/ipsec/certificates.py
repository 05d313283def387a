"""The certificates of a lab's tunnels, made when the lab starts.

As in Azure's own example (learn.microsoft.com, vpn-gateway/site-to-site-certificate-authentication-gateway):
RSA keys of 2,048 bits, SHA-256, for server and client authentication, known by their subject alone. An
authority signs and is forgotten: its key is nowhere when this is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.ipsec.charon import Held
from lab.plan.tunnels import Certificate, Certificates

KEY_BITS = 2048
"""The least Azure takes."""
BEGAN = timedelta(days=30)
"""How long ago each of them became valid."""
VALID = timedelta(days=365)
EXPIRED = timedelta(days=1)

NOTHING_SIGNED = dict.fromkeys(
    (
        "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "encipher_only", "decipher_only",
    ),
    False,
)  # fmt: skip


def make(wanted: Iterable[Certificates]) -> dict[Certificates, Held]:
    """For every end that wants some. Ends that show the same certificate have the same one, with one key."""
    wanted = tuple(dict.fromkeys(wanted))
    names = dict.fromkeys(name for one in wanted for name in (one.own.issuer, *one.trusted))
    authorities = {name: _authority(name) for name in names}
    leaves = {own: _leaf(own, authorities[own.issuer]) for own in dict.fromkeys(one.own for one in wanted)}
    return {
        one: Held(
            _der(leaves[one.own].key),
            leaves[one.own].certificate.public_bytes(Encoding.DER),
            tuple(authorities[name].certificate.public_bytes(Encoding.DER) for name in one.trusted),
        )
        for one in wanted
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    key: RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate


def _authority(name: str) -> _Pair:
    key = generate_private_key(65537, KEY_BITS)
    draft = _draft(name, name, key.public_key(), VALID)
    usage = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **NOTHING_SIGNED)
    draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return _Pair(key, draft.add_extension(usage, critical=True).sign(key, SHA256()))


def _leaf(wanted: Certificate, issuer: _Pair) -> _Pair:
    key = generate_private_key(65537, KEY_BITS)
    draft = _draft(wanted.subject, wanted.issuer, key.public_key(), -EXPIRED if wanted.expired else VALID)
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **NOTHING_SIGNED)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    draft = draft.add_extension(usage, critical=True).add_extension(purposes, critical=False)
    return _Pair(key, draft.sign(issuer.key, SHA256()))


def _draft(subject: str, issuer: str, key: RSAPublicKey, left: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEGAN)
        .not_valid_after(now + left)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _der(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
