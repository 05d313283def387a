"""What charon is told of a tunnel end, what it lists, and what its words mean."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from lab.ipsec import charon, problems
from lab.ipsec.associations import Associations, associations
from lab.plan.proposals import AZURE_ACCEPTS, AZURE_OFFERS
from lab.plan.tunnels import Child, Initiation, Proposals, TunnelEnd

KEY = "th1s.must+stay&here"
AZURE = TunnelEnd(
    name="c-0",
    namespace="gw-0",
    ifname="vpn1",
    peer="vpn1",
    local_address=ip_address("192.0.2.1"),
    remote_address=ip_address("198.51.100.1"),
    inner_address=ip_address("10.2.0.4"),
    inner_peer_address=ip_address("172.16.0.3"),
    shared_key=KEY,
    offered=AZURE_OFFERS,
    accepted=AZURE_ACCEPTS,
    children=(Child("any"),),
    takes_any_selectors=True,
    initiation=Initiation.PATIENT,
    answers=True,
    dpd_timeout=45,
    ike_lifetime=28800,
    child_lifetime=27000,
    child_bytes=104857600000,
    routes=(),
    metric=0,
    mtu=1400,
    mss=1350,
)
ONLY = Proposals(("aes256-sha256-ecp384",), ("aes256gcm16",))
CUSTOM = replace(AZURE, offered=ONLY, accepted=ONLY)
NARROW = (Child("selectors-1", (ip_network("10.2.0.0/24"),), (ip_network("10.0.0.0/24"),)),)


def test_the_default_policy_answers_with_more_than_it_starts_with_and_is_asked_first() -> None:
    found = charon.connections(AZURE)
    assert list(found) == [charon.ANSWERING, charon.STARTING]
    assert len(found[charon.ANSWERING]["children"]["any"]["esp_proposals"]) == 26
    assert len(found[charon.STARTING]["children"]["any"]["esp_proposals"]) == 6


def test_a_custom_policy_is_one_connection() -> None:
    assert list(charon.connections(CUSTOM)) == [charon.STARTING]


def test_azure_answers_any_selectors_and_starts_with_its_own() -> None:
    found = charon.connections(replace(CUSTOM, children=NARROW))
    assert found[charon.ANSWERING]["children"]["any"]["local_ts"] == ["0.0.0.0/0"]
    assert found[charon.STARTING]["children"]["selectors-1"]["remote_ts"] == ["10.0.0.0/24"]


def test_a_device_answers_with_its_own_selectors() -> None:
    device = replace(AZURE, takes_any_selectors=False, children=NARROW)
    assert list(charon.connections(device)[charon.ANSWERING]["children"]) == ["selectors-1"]


def test_one_that_does_not_answer_has_nothing_to_answer_with() -> None:
    assert list(charon.connections(replace(AZURE, answers=False))) == [charon.STARTING]


def test_both_addresses_are_the_identities_and_lifetimes_are_as_told() -> None:
    found = charon.connections(CUSTOM)[charon.STARTING]
    assert (found["local"]["id"], found["remote"]["id"]) == ("192.0.2.1", "198.51.100.1")
    child = found["children"]["any"]
    assert (found["rekey_time"], child["life_time"], child["life_bytes"]) == (
        "28800s",
        "27000s",
        "104857600000",
    )
    assert (child["rekey_time"], child["rekey_bytes"]) == ("24300s", "94371840000"), "before the end"
    assert child["start_action"] == "none", "the lab says when"


def test_the_key_is_in_the_message_for_it_and_nowhere_else() -> None:
    assert charon.shared_key(AZURE)["data"] == KEY
    elsewhere = (charon.connections(AZURE), charon.settings(AZURE, userspace=True), AZURE)
    assert KEY not in "".join(map(repr, elsewhere))


@pytest.mark.parametrize("timeout", [9, 10, 30, 45, 60, 3600])
def test_idle_time_and_retransmissions_sum_up_to_the_timeout(timeout: int) -> None:
    first, delay = charon.liveness(timeout)
    whole = delay + sum(first * charon.BACKOFF**number for number in range(charon.TRIES + 1))
    assert abs(whole - timeout) <= 0.5
    assert delay >= 1
    assert first <= charon.LONGEST_FIRST_WAIT_S, "a lost first message is sent again soon"


def test_the_userspace_plugin_is_asked_before_the_kernels() -> None:
    text = charon.settings(AZURE, userspace=True)
    assert text.index("kernel-libipsec") < text.index("kernel-netlink")
    assert "kernel-libipsec" not in charon.settings(AZURE, userspace=False)


# What it lists.


def listed(state: str, **child: Any) -> dict[str, Any]:
    facts = {"state": state, "encr-alg": "AES_GCM_16", "encr-keysize": "256"} | child
    ike = {"established": "12", "encr-alg": "AES_CBC", "encr-keysize": "256", "prf-alg": "PRF_HMAC_SHA1"}
    return {"starting": ike | {"child-sas": {"any-1": facts}}}


def test_no_association_is_down_and_an_attempt_is_connecting() -> None:
    assert associations([]) == Associations()
    assert associations([{"starting": {"state": "CONNECTING", "child-sas": {}}}]).state == "connecting"
    assert associations([listed("CREATED")]).state == "connecting"


@pytest.mark.parametrize("state", ["INSTALLED", "REKEYING", "REKEYED"])
def test_an_installed_child_is_a_tunnel(state: str) -> None:
    seen = associations([listed(state, **{"bytes-in": "5", "packets-out": "7"})])
    assert (seen.state, seen.bytes_in, seen.packets_out, seen.established_s) == ("established", 5, 7, 12)
    assert (seen.esp_proposal, seen.ike_proposal) == ("AES_GCM_16/256", "AES_CBC/256/PRF_HMAC_SHA1")


def test_counters_of_all_children_are_added() -> None:
    both = [listed("REKEYED", **{"bytes-in": "5"}), listed("INSTALLED", **{"bytes-in": "6"})]
    assert associations(both).bytes_in == 11


# What its words mean; the lines are charon's own.


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("received AUTHENTICATION_FAILED notify error", problems.KEYS),
        ("tried 1 shared key for '192.0.2.1' - '198.51.100.1', but MAC mismatched", problems.KEYS),
        ("received NO_PROPOSAL_CHOSEN notify error", problems.IKE_PROPOSAL),
        ("received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built", problems.ESP_PROPOSAL),
        ("no acceptable proposal found", problems.ESP_PROPOSAL),
        ("received TS_UNACCEPTABLE notify, no CHILD_SA built", problems.SELECTORS),
        ("traffic selectors 10.9.0.0/16 === 10.8.0.0/16 unacceptable", problems.SELECTORS),
        ("retransmit 1 of request with message ID 0", problems.UNANSWERED),
        ("giving up after 2 retransmits", problems.SILENT),
        ("IKE_SA starting[1] established between 192.0.2.1[192.0.2.1]...198.51.100.1", None),
        ("retransmit 1 of request with message ID 7", None),
    ],
)
def test_a_line_of_the_log_is_explained(line: str, problem: str | None) -> None:
    assert problems.problem_in(line) == problem


def test_explanations_are_in_azures_terms() -> None:
    assert "13801" in problems.KEYS
    assert "AUTHENTICATION_FAILED" in problems.KEYS
    assert "IkePolicyMismatch" in problems.IKE_PROPOSAL
