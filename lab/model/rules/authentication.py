"""Rules about how the ends of a connection of type IPsec prove themselves, and by which IKE."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.azure import Connection
from lab.model.problem import Finding, Loc
from lab.model.view import View, each
from lab.model.vpn import ConnectionProtocol, IpsecPolicy
from lab.model.vpn_authentication import AuthenticationType

WITHOUT_CERTIFICATES = frozenset({"Basic"})
WITHOUT_IKEV1 = frozenset({"Basic", "Standard", "HighPerformance"})


def connections_prove_themselves_one_way(view: View) -> Iterator[Finding]:
    """A connection has a shared key, or certificates and what Azure must know of them
    (vpn-gateway/site-to-site-certificate-authentication-gateway-about)."""
    for loc, connection in view.ipsec_connections():
        has_details = connection.certificate_authentication is not None
        place = (*loc, "certificate_authentication")
        if not _has_certificates(connection):
            if has_details:
                yield Finding(place, "needs authentication_type Certificate", "say so, or remove it")
            continue
        if not has_details:
            hint = "give it outbound_auth_certificate and inbound_auth_certificate_subject_name"
            yield Finding(place, "missing; authentication_type Certificate goes with one", hint)
        if connection.shared_key is not None:
            yield Finding((*loc, "shared_key"), "has no use with certificates", "remove it")


def devices_prove_themselves_likewise(view: View) -> Iterator[Finding]:
    """A device differs in what its connection has, a shared key or certificates
    (vpn-gateway/site-to-site-certificate-authentication-gateway-about)."""
    certified = {one.name for _, one in view.ipsec_connections() if _has_certificates(one)}
    for loc, _, device in view.vpn_devices():
        for inner, tunnel in each((*loc, "tunnels"), device.tunnels):
            if tunnel.connection in certified:
                if tunnel.shared_key is not None:
                    what = f"{tunnel.connection} has certificates"
                    yield Finding((*inner, "shared_key"), what, "certificate says what the device shows")
                continue
            for name in ("certificate", "gateway_subject_name"):
                if getattr(tunnel, name) is not None:
                    what = f"{tunnel.connection} has a shared key"
                    yield Finding((*inner, name), what, "give it authentication_type Certificate")


def ikev1_can_say_it(view: View) -> Iterator[Finding]:
    """IKEv1 goes with shared keys, has no GCM of its own and one pair of ranges per association
    (vpn-gateway/site-to-site-certificate-authentication-gateway, RFC 5282, RFC 2409)."""
    old = {}
    for loc, connection in view.ipsec_connections():
        if connection.connection_protocol is not ConnectionProtocol.IKEV1:
            continue
        old[connection.name] = connection
        if _has_certificates(connection):
            hint = "leave connection_protocol out"
            yield Finding((*loc, "authentication_type"), "IKEv1 goes with shared keys", hint)
        yield from _too_new(loc, connection.ipsec_policies)
        for inner, selectors in each(
            (*loc, "traffic_selector_policies"), connection.traffic_selector_policies
        ):
            yield from _one_range(inner, len(selectors.local_address_ranges), "local_address_ranges")
            yield from _one_range(inner, len(selectors.remote_address_ranges), "remote_address_ranges")
    for loc, _, device in view.vpn_devices():
        for inner, tunnel in each((*loc, "tunnels"), device.tunnels):
            if tunnel.connection in old:
                yield from _too_new(inner, tunnel.ipsec_policies)


def _too_new(loc: Loc, policies: tuple[IpsecPolicy, ...]) -> Iterator[Finding]:
    for inner, policy in each((*loc, "ipsec_policies"), policies):
        if "GCM" in policy.ike_encryption.value:
            yield Finding((*inner, "ike_encryption"), "IKEv1 has no GCM", "AES256, say")


def _one_range(loc: Loc, count: int, name: str) -> Iterator[Finding]:
    if count > 1:
        yield Finding((*loc, name), f"IKEv1 has room for one range, not {count}", "a policy for each")


def skus_authenticate_so(view: View) -> Iterator[Finding]:
    """No certificates with SKU Basic, no IKEv1 with Basic, Standard and HighPerformance
    (vpn-gateway/site-to-site-certificate-authentication-gateway-about, vpn-gateway/vpn-gateway-vpn-faq)."""
    for loc, connection in view.ipsec_connections():
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        if gateway is None:
            continue
        what, hint = f"{gateway.name} is of SKU {gateway.sku}", "use VpnGw1AZ or larger"
        if _has_certificates(connection) and gateway.sku in WITHOUT_CERTIFICATES:
            yield Finding((*loc, "authentication_type"), what, hint)
        if connection.connection_protocol is ConnectionProtocol.IKEV1 and gateway.sku in WITHOUT_IKEV1:
            yield Finding((*loc, "connection_protocol"), what, hint)


def _has_certificates(connection: Connection) -> bool:
    return connection.authentication_type is AuthenticationType.CERTIFICATE
