"""How tunnel ends prove themselves: certificates by value, and whether the two ends believe each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_builders import changed, compiled

from lab.model.vpn import (
    DhGroup,
    IkeEncryption,
    IkeIntegrity,
    IpsecEncryption,
    IpsecIntegrity,
    IpsecPolicy,
    PfsGroup,
)
from lab.plan.dump import dump, to_json
from lab.plan.proposals import custom
from lab.plan.tunnels import Certificate, Certificates, can_come_up

VPN = "expressroute-vpn"
VAULT = "https://contoso.vault.azure.net/certificates/gateway-cert/0123abcd"
POLICY = {
    "sa_life_time_seconds": 3600,
    "sa_data_size_kilobytes": 2048,
    "ipsec_encryption": "AES256",
    "ipsec_integrity": "SHA256",
    "ike_encryption": "AES256",
    "ike_integrity": "SHA384",
    "dh_group": "ECP384",
    "pfs_group": "PFS2048",
}


def certified(device=None, **details):
    """The reference lab with certificates; ``device`` is what it differs in on purpose."""

    def edit(data):
        data["connections"][1] |= {
            "authentication_type": "Certificate",
            "certificate_authentication": {
                "outbound_auth_certificate": VAULT,
                "inbound_auth_certificate_subject_name": "vpn1",
            }
            | details,
        }
        if device:
            data["on_premises"][0]["vpn_devices"][0]["tunnels"] = [{"connection": "conn-secure"} | device]

    return changed(VPN, edit)


def ends(plan, name="conn-secure-0"):
    """The gateway's, the device's."""
    gateway, device = (one for one in plan.tunnels if one.name == name)
    return gateway, device


# Certificates.


def test_both_instances_show_the_certificate_of_the_vault_and_the_device_one_in_its_name():
    plan = certified()
    for name in ("conn-secure-0", "conn-secure-1"):
        gateway, device = ends(plan, name)
        assert gateway.certificates == Certificates(
            Certificate("gateway-cert", "lab-root"), "vpn1", ("lab-root",)
        )
        assert device.certificates == Certificates(
            Certificate("vpn1", "lab-root"), "gateway-cert", ("lab-root",)
        )
        assert gateway.shared_key is device.shared_key is None
    assert plan.tunnels_down == ()


def test_a_plan_with_certificates_is_the_same_every_time_and_says_who_shows_what():
    assert certified() == certified()
    assert "shows CN=vpn1 by lab-root wants CN=gateway-cert by lab-root" in dump(certified())
    expired = certified({"certificate": {"issuer": "old", "expired": True}})
    assert "shows CN=vpn1 by old expired" in dump(expired)
    (tunnel, *_) = to_json(certified())["tunnels"]
    assert (tunnel["shared_key"], tunnel["certificates"]["peer_subject"]) == (None, "vpn1")


@pytest.mark.parametrize(
    ("details", "device"),
    [
        ({"inbound_auth_certificate_subject_name": "vpn2"}, None),
        ({"inbound_auth_certificate_chain": ["contoso-root"]}, None),
        ({}, {"certificate": {"subject_name": "vpn2"}}),
        ({}, {"certificate": {"issuer": "contoso-root"}}),
        ({}, {"certificate": {"expired": True}}),
        ({}, {"gateway_subject_name": "another"}),
    ],
)
def test_ends_that_do_not_believe_each_other_stay_down(details, device):
    assert certified(device, **details).tunnels_down == ("conn-secure-0", "conn-secure-1")


def test_a_chain_of_ones_own_and_a_name_of_ones_own_are_as_good():
    fits = {"certificate": {"subject_name": "edge.example", "issuer": "contoso-root"}}
    plan = certified(
        fits,
        inbound_auth_certificate_subject_name="edge.example",
        inbound_auth_certificate_chain=["lab-root", "contoso-root"],
    )
    assert plan.tunnels_down == ()


def test_a_key_is_no_match_for_a_certificate():
    key, (with_certificate, _) = ends(compiled(VPN))[0], ends(certified())
    assert not can_come_up(key, replace(with_certificate, initiation=key.initiation))


# Lifetimes and versions.


def test_a_device_may_live_shorter_and_begin_anew():
    def edit(data):
        data["on_premises"][0]["vpn_devices"][0]["tunnels"] = [
            {
                "connection": "conn-secure",
                "ike_life_time_seconds": 600,
                "sa_life_time_seconds": 60,
                "reauthentication": True,
            }
        ]

    gateway, device = ends(changed(VPN, edit))
    assert (device.ike_lifetime, device.child_lifetime, device.reauthenticates) == (600, 60, True)
    assert (gateway.ike_lifetime, gateway.child_lifetime, gateway.reauthenticates) == (28800, 27000, False)


def with_policies(protocol, azure, device):
    def edit(data):
        data["connections"][1] |= {"connection_protocol": protocol, "ipsec_policies": [POLICY | azure]}
        data["on_premises"][0]["vpn_devices"][0]["tunnels"] = [
            {"connection": "conn-secure", "ipsec_policies": [POLICY | device]}
        ]

    return changed(VPN, edit)


@pytest.mark.parametrize(("protocol", "down"), [("IKEv1", 2), ("IKEv2", 0)])
def test_groups_for_pfs_matter_at_once_in_ikev1_and_only_for_new_keys_in_ikev2(protocol, down):
    plan = with_policies(protocol, {}, {"pfs_group": "None"})
    assert len(plan.tunnels_down) == down
    assert with_policies(protocol, {}, {}).tunnels_down == ()


def test_the_protocol_is_both_ends():
    gateway, device = ends(with_policies("IKEv1", {}, {}))
    assert (gateway.ike_version, device.ike_version) == (1, 1)
    assert " ikev1" in dump(with_policies("IKEv1", {}, {}))


# Every algorithm a policy may name.

VALUES = [
    *(("ike_encryption", one.value) for one in IkeEncryption),
    *(("ike_integrity", one.value) for one in IkeIntegrity),
    *(("dh_group", one.value) for one in DhGroup if one is not DhGroup.NONE),
    *(("pfs_group", one.value) for one in PfsGroup),
    *(("ipsec_encryption", one.value) for one in IpsecEncryption),
    *(("ipsec_integrity", one.value) for one in IpsecIntegrity if "GCM" not in one.value),
]


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_every_value_of_a_policy_is_a_proposal_of_known_words(name, value):
    changes = {name: value}
    if name == "ipsec_encryption" and "GCM" in value:
        changes["ipsec_integrity"] = value
    found = custom(IpsecPolicy.model_validate(POLICY | changes))
    ((ike,), (esp,)) = found.ike, found.esp
    aes = {f"aes{bits}{gcm}" for bits in (128, 192, 256) for gcm in ("", "gcm16")}
    ciphers = {"null", "des", "3des"} | aes
    groups = {"modp768", "modp1024", "modp2048", "modp2048s256", "ecp256", "ecp384"}
    integrities = {"md5", "sha1", "sha256", "sha384"}
    assert set(ike.split("-")) <= ciphers | groups | integrities | {f"prf{one}" for one in integrities}
    assert set(esp.split("-")) <= ciphers | groups | integrities
    assert len(ike.split("-")) == 3
    assert ("gcm" in esp) == (len([part for part in esp.split("-") if part in integrities]) == 0)
