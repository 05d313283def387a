"""How tunnel ends prove themselves and agree, on running labs: keys, certificates, new keys, old IKE.

What must not come up is known from the plan, so `up` does not wait for it; what matters then is that
there is no association, that both ends say why, and that nothing leaves unencrypted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lab_client import Lab, eventually
from test_flows import Flows
from tunnel_labs import SECURE_VM, device, policy, secure, states, topology, tunnel

from lab.ipsec.vici import Session
from lab.probe.stream import Direction
from lab.runtime.rundir import short_path

pytestmark = pytest.mark.data_plane

Start = Callable[..., Lab]
Change = Callable[[Any], None]

VAULT = "https://contoso.vault.azure.net/certificates/vpngw-secure"
BOTH_ENDS = ("vpn1", "vpngw-secure-0")


def certified(**details: Any) -> dict[str, Any]:
    """What a connection with certificates has."""
    wanted = {"outbound_auth_certificate": VAULT, "inbound_auth_certificate_subject_name": "vpn1"}
    return {"authentication_type": "Certificate", "certificate_authentication": wanted | details}


def differs(data: Any, **tunnel: Any) -> None:
    """The device differs from its connection in this."""
    device(data)["tunnels"] = [{"connection": "conn-secure"} | tunnel]


def folder_of(lab: Lab) -> Path:
    return next(Path(one["folder"]) for one in lab.json("list") if one["name"] == lab.name)


def problems(lab: Lab) -> dict[str, str]:
    """Why the first tunnel is not up, by end."""
    ends = [one for one in lab.inspect()["tunnels"] if one["name"] == "conn-secure-0"]
    return {one["node"]: one["problem"] or "" for one in ends}


def told(lab: Lab, kind: str) -> list[dict[str, Any]]:
    """Events of that kind about the first tunnel."""
    return [one for one in lab.events() if one["kind"] == kind and one["tunnel"] == "conn-secure-0"]


def charons_list(lab: Lab, end: str) -> list[dict[str, Any]]:
    """The IKE associations of the charon at ``end`` (router and peer)."""

    async def listed() -> list[dict[str, Any]]:
        with short_path(folder_of(lab) / "tunnels" / end / "vici.sock") as path:
            session = await Session.connect(path, lambda _name, _facts: None)
        try:
            return await session.streamed("list-sas", "list-sa")
        finally:
            await session.close()

    return [ike for event in asyncio.run(listed()) for ike in event.values()]


# Certificates.


@pytest.mark.everywhere
def test_tunnels_come_up_with_certificates(tmp_path: Path, start_lab: Start) -> None:
    """Both instances show the one certificate of the vault; no key is in any file."""
    lab = start_lab(str(topology(tmp_path, lambda data: secure(data).update(certified()))), "test-cert")
    assert states(lab) == {"established"}
    assert lab.reaches("app1", SECURE_VM)
    for instance in ("vpngw-secure-0", "vpngw-secure-1"):
        (ike,) = charons_list(lab, f"vpn1~{instance}")
        assert (ike["local-id"], ike["remote-id"]) == ("CN=vpn1", "CN=vpngw-secure")
    files = {path.name for path in (folder_of(lab) / "tunnels").rglob("*") if not path.is_dir()}
    assert files == {"strongswan.conf", "vici.sock"}


REFUSALS: dict[str, tuple[Change, str]] = {
    "other-name": (
        lambda data: secure(data).update(certified(inbound_auth_certificate_subject_name="vpn9")),
        "one end wants CN=vpn9 and the other is CN=vpn1",
    ),
    "other-gateway": (
        lambda data: (secure(data).update(certified()), differs(data, gateway_subject_name="vpngw")),
        "one end wants CN=vpngw and the other is CN=vpngw-secure",
    ),
    "stranger": (
        lambda data: secure(data).update(certified(inbound_auth_certificate_chain=["contoso-root"])),
        "no trusted authority signed",
    ),
    "called": (
        lambda data: (
            secure(data).update(certified(inbound_auth_certificate_chain=["contoso-root"])),
            differs(data, connection_mode="ResponderOnly"),
        ),
        "no trusted authority signed",
    ),
    "expired": (
        lambda data: (secure(data).update(certified()), differs(data, certificate={"expired": True})),
        "not valid now",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_wrong_identity_gets_no_tunnel_and_both_ends_say_why(
    case: str, tmp_path: Path, start_lab: Start
) -> None:
    """The end that refuses says what is wrong; the other one learns no more than that."""
    change, words = REFUSALS[case]
    lab = start_lab(str(topology(tmp_path, change)), f"test-{case}")
    eventually("the gateway says why", lambda: words in problems(lab)["vpngw-secure-0"], seconds=30)
    for end in BOTH_ENDS:
        eventually(f"{end} says why", lambda end=end: "AUTHENTICATION_FAILED" in problems(lab)[end], 30)
    _nothing_passes(lab)


def test_a_wrong_key_gets_no_tunnel_and_both_ends_say_why(tmp_path: Path, start_lab: Start) -> None:
    wrong = topology(tmp_path, lambda data: differs(data, shared_key="another"))
    lab = start_lab(str(wrong), "test-wrong-key")
    for end in BOTH_ENDS:
        eventually(f"{end} says why", lambda end=end: "13801" in problems(lab)[end], 30)
    _nothing_passes(lab)


def _nothing_passes(lab: Lab) -> None:
    assert "established" not in states(lab)
    assert not lab.reaches("app1", SECURE_VM)
    assert lab.execute("vpngw-secure-0", "ip", "route", "get", "172.16.0.3").returncode != 0
    assert lab.reaches("app1", "10.17.1.4"), "private peering is none of its business"


# New keys.


def test_a_device_with_short_lifetimes_makes_all_anew_under_traffic(tmp_path: Path, start_lab: Start) -> None:
    """ESP every few seconds, and IKE from the ground up: the new association is there before the old one
    goes, in both tunnels, while flows use them. The gateway, which answers, sends with new keys a moment
    before the device has them (RFC 7296 section 2.8 lets it wait, strongSwan does only when it rekeys), and
    what is still on its way into a busy charon when the old association goes is lost as well."""
    lifetimes = {"sa_life_time_seconds": 10, "ike_life_time_seconds": 12, "reauthentication": True}
    lab = start_lab(str(topology(tmp_path, lambda data: differs(data, **lifetimes))), "test-anew")

    for lost in _lost(lab, 30.0).values():
        assert lost <= LOST_AT_NEW_KEYS
    for log in (folder_of(lab) / "logs").glob("charon.vpn1~*.log"):
        said = log.read_text()
        again = re.findall(r"reauthenticating IKE_SA starting\[(\d+)\]", said)
        assert len(again) >= 2
        for number in map(int, again[:-1]):
            new, gone = f"IKE_SA starting[{number + 1}] established", f"deleting IKE_SA starting[{number}]"
            assert said.index(new) < said.index(gone), "first the new one"
        assert "inbound CHILD_SA any" in said, "ESP alone, in between"
    assert told(lab, "tunnel-down") == []


LOST_AT_NEW_KEYS = 40
"""A tenth of a second of the flow, where a tunnel that is made anew after the old one takes several."""


def _lost(lab: Lab, seconds: float) -> dict[Direction, int]:
    """Packets of a flow between core and network, each direction for itself."""
    with closing(Flows(lab)) as flows:
        flows.start("keys", SECURE_VM)
        return {each: one.tally.lost for each, one in flows.after("keys", seconds).total.items()}


# Who begins.


@pytest.mark.parametrize("protocol", ["IKEv2", "IKEv1"])
@pytest.mark.parametrize("only", ["gateway", "device"])
def test_an_end_that_only_initiates_answers_nobody(
    only: str, protocol: str, tmp_path: Path, start_lab: Start
) -> None:
    def change(data: Any) -> None:
        secure(data)["connection_protocol"] = protocol
        if only == "gateway":
            secure(data)["connection_mode"] = "InitiatorOnly"
        else:
            differs(data, connection_mode="InitiatorOnly")

    lab = start_lab(str(topology(tmp_path, change)), f"test-{only}-{protocol[-1]}")
    began = {"gateway": "vpngw-secure-0~vpn1", "device": "vpn1~vpngw-secure-0"}
    assert states(lab) == {"established"}
    for who, end in began.items():
        standing = [ike for ike in charons_list(lab, end) if ike["state"] == "ESTABLISHED"]
        assert {ike.get("initiator") == "yes" for ike in standing} == {who == only}


# Versions and policies.


def test_ikev1_carries_the_same_traffic_and_changes_its_keys(tmp_path: Path, start_lab: Start) -> None:
    """IKE anew costs nothing. With ESP's new keys the device, which begins, sends a moment before the
    gateway has the last of the three messages (RFC 2409 section 5.5)."""

    def change(data: Any) -> None:
        secure(data)["connection_protocol"] = "IKEv1"
        differs(data, sa_life_time_seconds=10, ike_life_time_seconds=15)

    lab = start_lab(str(topology(tmp_path, change)), "test-ikev1")
    assert {ike["version"] for ike in charons_list(lab, "vpn1~vpngw-secure-0")} == {"1"}
    for lost in _lost(lab, 30.0).values():
        assert lost <= LOST_AT_NEW_KEYS
    assert told(lab, "tunnel-down") == []
    log = (folder_of(lab) / "logs" / "charon.vpn1~vpngw-secure-0.log").read_text()
    assert log.count("initiating Main Mode") >= 2
    assert log.count("CHILD_SA any") >= 4, "ESP alone, in between"


POLICIES = {
    "gcm-ecp": (
        {"ike_encryption": "GCMAES256", "ike_integrity": "SHA384", "dh_group": "ECP384"}
        | {"pfs_group": "ECP384"},
        ("AES_GCM_16/256/PRF_HMAC_SHA2_384/ECP_384", "AES_GCM_16/256"),
    ),
    "aes192": (
        {"ike_encryption": "AES192", "ike_integrity": "SHA1", "dh_group": "DHGroup24", "pfs_group": "PFS24"}
        | {"ipsec_encryption": "AES192", "ipsec_integrity": "SHA1"},
        ("AES_CBC/192/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048_256", "AES_CBC/192/HMAC_SHA1_96"),
    ),
}


@pytest.mark.parametrize("case", POLICIES)
def test_a_custom_policy_is_what_is_negotiated(case: str, tmp_path: Path, start_lab: Start) -> None:
    values, (ike, esp) = POLICIES[case]

    def change(data: Any) -> None:
        secure(data)["ipsec_policies"] = policy(**values)["ipsec_policies"]

    lab = start_lab(str(topology(tmp_path, change)), f"test-{case}")
    seen = tunnel(lab, "conn-secure-0", "vpn1")
    assert (seen["ike_proposal"], seen["esp_proposal"]) == (ike, esp)
    assert lab.reaches("app1", SECURE_VM)
