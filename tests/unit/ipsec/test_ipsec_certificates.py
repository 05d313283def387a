"""The certificates the lab makes: who signed what, for whom, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.ipsec.certificates import make
from lab.ipsec.charon import Held
from lab.plan.tunnels import Certificate, Certificates

GATEWAY = Certificates(Certificate("gw", "lab-root"), "vpn1", ("contoso-root",))
DEVICE = Certificates(Certificate("vpn1", "contoso-root"), "gw", ("lab-root",))
SAME_CERTIFICATE = Certificates(GATEWAY.own, "vpn2", ("contoso-root",))
EXPIRED = Certificates(Certificate("vpn2", "contoso-root", expired=True), "gw", ("lab-root",))


@pytest.fixture(scope="module")
def made() -> dict[Certificates, Held]:
    return make([GATEWAY, DEVICE, SAME_CERTIFICATE, EXPIRED, GATEWAY])


def loaded(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def test_each_end_trusts_what_the_other_shows_and_nothing_else(made: dict[Certificates, Held]) -> None:
    for shown, trusting in ((DEVICE, GATEWAY), (GATEWAY, DEVICE)):
        certificate = loaded(made[shown].certificate)
        (authority,) = map(loaded, made[trusting].authorities)
        certificate.verify_directly_issued_by(authority)
        with pytest.raises((InvalidSignature, ValueError)):
            certificate.verify_directly_issued_by(loaded(made[shown].authorities[0]))


def test_a_certificate_is_for_both_roles_and_signs_no_other(made: dict[Certificates, Held]) -> None:
    certificate = loaded(made[DEVICE].certificate)
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH} == set(purposes)
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert certificate.subject.rfc4514_string() == "CN=vpn1"


def test_the_key_is_the_certificates_and_long_enough_for_azure(made: dict[Certificates, Held]) -> None:
    key = load_der_private_key(made[DEVICE].private_key, None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048
    assert key.public_key() == loaded(made[DEVICE].certificate).public_key()


def test_ends_that_show_one_certificate_have_one(made: dict[Certificates, Held]) -> None:
    assert made[GATEWAY].certificate == made[SAME_CERTIFICATE].certificate
    assert made[GATEWAY].private_key == made[SAME_CERTIFICATE].private_key
    assert made[GATEWAY].private_key != made[DEVICE].private_key


def test_an_expired_one_was_valid_until_yesterday(made: dict[Certificates, Held]) -> None:
    now = datetime.now(UTC)
    expired, current = loaded(made[EXPIRED].certificate), loaded(made[DEVICE].certificate)
    assert expired.not_valid_before_utc < expired.not_valid_after_utc < now
    assert current.not_valid_before_utc < now < current.not_valid_after_utc


def test_no_two_labs_have_the_same_keys(made: dict[Certificates, Held]) -> None:
    assert make([DEVICE])[DEVICE].private_key != made[DEVICE].private_key


def test_keys_are_in_no_text(made: dict[Certificates, Held]) -> None:
    held = made[DEVICE]
    assert repr(held.private_key) not in repr(held)
