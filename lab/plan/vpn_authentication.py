"""What the ends of a tunnel prove who they are with: a shared key, or certificates the lab makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from lab.model.azure import Connection
from lab.model.topology import Topology
from lab.model.vpn_authentication import (
    LAB_AUTHORITY,
    AuthenticationType,
    CertificateAuthentication,
    DeviceCertificate,
)
from lab.plan.errors import PlanError
from lab.plan.tunnels import Certificate, Certificates
from lab.plan.vpn import Tunnel


@dataclass(frozen=True, slots=True)
class Proof:
    """One of the two."""

    shared_key: str | None = field(default=None, repr=False)
    certificates: Certificates | None = None


def gateways_proof(topology: Topology, tunnel: Tunnel) -> Proof:
    """Both instances show the connection's outbound certificate."""
    wanted = _wanted(tunnel.connection)
    if wanted is None:
        return Proof(_shared_key(topology, tunnel.connection))
    expected = wanted.inbound_auth_certificate_subject_name
    trusted = wanted.inbound_auth_certificate_chain or (LAB_AUTHORITY,)
    return Proof(certificates=Certificates(_outbound(wanted), expected, trusted))


def devices_proof(topology: Topology, tunnel: Tunnel) -> Proof:
    """The connection's key, or a certificate in the device's name; and what differs on purpose."""
    wanted, override = _wanted(tunnel.connection), tunnel.override
    if wanted is None:
        own = override.shared_key.get_secret_value() if override.shared_key else None
        return Proof(own or _shared_key(topology, tunnel.connection))
    shown = override.certificate or DeviceCertificate()
    own_certificate = Certificate(shown.subject_name or tunnel.device.name, shown.issuer, shown.expired)
    outbound = _outbound(wanted)
    expected = override.gateway_subject_name or outbound.subject
    return Proof(certificates=Certificates(own_certificate, expected, (outbound.issuer,)))


def _wanted(connection: Connection) -> CertificateAuthentication | None:
    if connection.authentication_type is AuthenticationType.PSK:
        return None
    if connection.certificate_authentication is None:
        raise PlanError(
            f"connection {connection.name}: no certificate_authentication", hint="rule D-25 is about it"
        )
    return connection.certificate_authentication


def _outbound(wanted: CertificateAuthentication) -> Certificate:
    return Certificate(wanted.outbound_subject_name, LAB_AUTHORITY)


def _shared_key(topology: Topology, connection: Connection) -> str:
    """The connection's; when it has none, one made of its name, so that two compilations agree.

    Such a key guards nothing from somebody who has the file; inside a lab there is nobody else.
    """
    if connection.shared_key is not None:
        return connection.shared_key.get_secret_value()
    return sha256(f"mseelab:{topology.name}/{connection.name}".encode()).hexdigest()
