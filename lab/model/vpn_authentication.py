"""How the two ends of a connection of type IPsec prove who they are: a shared key, or certificates.

The words are those of a connection in the API from 2025-05-01 on; what they mean: learn.microsoft.com,
vpn-gateway/site-to-site-certificate-authentication-gateway-about. Azure fetches the gateway's certificate
from a Key Vault and is given the authorities of the device's one. Here the lab makes all of them, so a
certificate is known by its subject name and an authority by a name of yours.
"""

from __future__ import annotations

from enum import Enum

from lab.model.fields import Described, KeyVaultCertificate, SubjectName

LAB_AUTHORITY = "lab-root"
"""Who signs what names no other authority."""


class AuthenticationType(Enum):
    PSK = "PSK"
    CERTIFICATE = "Certificate"


class CertificateAuthentication(Described):
    """Which certificate the gateway shows, and which one it takes from the device."""

    outbound_auth_certificate: KeyVaultCertificate
    """The gateway's, of both instances; the subject name of the lab's is the name it has in the vault."""
    inbound_auth_certificate_subject_name: SubjectName
    """Whom the device's must name, without CN=."""
    inbound_auth_certificate_chain: tuple[SubjectName, ...] = ()
    """Authorities one of which must have signed the device's; in Azure their certificates in Base64.
    Left out: the lab's own, lab-root."""

    @property
    def outbound_subject_name(self) -> str:
        return self.outbound_auth_certificate.split("/")[4]


class DeviceCertificate(Described):
    """What a VPN device shows, where it is not one in its own name from the lab's authority."""

    subject_name: SubjectName | None = None
    """Left out: the device's name."""
    issuer: SubjectName = LAB_AUTHORITY
    """The authority that signs it."""
    expired: bool = False
    """No longer valid, by a day."""
