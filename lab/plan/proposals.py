"""Azure's IKE and IPsec policies as strongSwan's proposals.

The default policy: learn.microsoft.com, vpn-gateway-about-vpn-devices, in its order. Its second
half is accepted and never offered, so that a device may ask for perfect forward secrecy. A custom
policy (ipsec-ike-policy-howto) is the only one offered and accepted.
"""

from __future__ import annotations

from lab.model.vpn import DhGroup, IkeEncryption, IpsecPolicy, PfsGroup
from lab.plan.errors import PlanError
from lab.plan.tunnels import Proposals

_IKE = tuple(
    f"{encryption}-{integrity}-modp1024"
    for encryption in ("aes256", "aes128", "3des")
    for integrity in ("sha1", "sha256")
)

_OFFERED = ("aes256gcm16", "aes256-sha1", "3des-sha1", "aes256-sha256", "aes128-sha1", "3des-sha256")

_ACCEPTED = (
    *_OFFERED,
    "des-sha1",
    *(f"aes256-sha1-{group}" for group in ("modp768", "modp1024", "modp2048")),
    *(f"aes128-sha1-{group}" for group in ("modp768", "modp1024", "modp2048")),
    *(f"3des-sha1-{group}" for group in ("modp768", "modp1024")),
    "3des-sha256-modp1024",
    *(f"aes256-sha256-{group}" for group in ("modp768", "modp1024", "modp2048")),
    *(f"aes256-{integrity}-modp2048s256" for integrity in ("sha1", "sha256")),
    "aes128-sha256",
    *(f"aes128-sha256-{group}" for group in ("modp768", "modp1024", "modp2048")),
    "3des-sha1-modp2048",
)

AZURE_OFFERS = Proposals(_IKE, _OFFERED)
AZURE_ACCEPTS = Proposals(_IKE, _ACCEPTED)

_GROUP = {
    "1": "modp768",
    "2": "modp1024",
    "14": "modp2048",
    "2048": "modp2048",
    "24": "modp2048s256",
    "ECP256": "ecp256",
    "ECP384": "ecp384",
}

_CIPHER = {
    "None": "null",
    "DES": "des",
    "DES3": "3des",
    "AES128": "aes128",
    "AES192": "aes192",
    "AES256": "aes256",
    "GCMAES128": "aes128gcm16",
    "GCMAES192": "aes192gcm16",
    "GCMAES256": "aes256gcm16",
}


def custom(policy: IpsecPolicy) -> Proposals:
    """The one proposal of each kind that a custom policy is."""
    return Proposals((_ike(policy),), (_esp(policy),))


def _ike(policy: IpsecPolicy) -> str:
    """A cipher that authenticates needs a pseudo-random function of its own; for the others it is
    the integrity's (RFC 5282 section 8)."""
    cipher, integrity = _CIPHER[policy.ike_encryption.value], policy.ike_integrity.value.lower()
    combined = policy.ike_encryption in (IkeEncryption.GCM_AES128, IkeEncryption.GCM_AES256)
    return f"{cipher}-{'prf' if combined else ''}{integrity}-{_dh_group(policy.dh_group)}"


def _esp(policy: IpsecPolicy) -> str:
    parts = [_CIPHER[policy.ipsec_encryption.value]]
    if not policy.ipsec_encryption.value.startswith("GCM"):
        parts.append(policy.ipsec_integrity.value.lower())
    pfs = _pfs_group(policy)
    return "-".join([*parts, pfs] if pfs else parts)


def _dh_group(group: DhGroup) -> str:
    if group is DhGroup.NONE:
        raise PlanError("dh_group None: IKEv2 needs a key exchange", hint="choose DHGroup14, say")
    return _GROUP[group.value.removeprefix("DHGroup")]


def _pfs_group(policy: IpsecPolicy) -> str | None:
    """PFSMM is the group of phase 1."""
    if policy.pfs_group is PfsGroup.NONE:
        return None
    if policy.pfs_group is PfsGroup.PFSMM:
        return _dh_group(policy.dh_group)
    return _GROUP[policy.pfs_group.value.removeprefix("PFS")]
