"""What charon is told of a tunnel end, and what it lists."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from ipsec_builders import AZURE, CERTIFIED, CUSTOM, KEY

from lab.ipsec import charon
from lab.ipsec.associations import ESTABLISHED, LOOKS, Associations, associations, barren, listed_by
from lab.plan.tunnels import Child

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
    command, message = charon.secret(AZURE)
    assert (command, message["data"]) == ("load-shared", KEY)
    elsewhere = (charon.connections(AZURE), charon.settings(AZURE, ("kernel-netlink",)), AZURE)
    assert KEY not in "".join(map(repr, elsewhere))


@pytest.mark.parametrize("timeout", [9, 10, 30, 45, 60, 3600])
def test_idle_time_and_retransmissions_sum_up_to_the_timeout(timeout: int) -> None:
    first, delay = charon.liveness(timeout)
    whole = delay + sum(first * charon.BACKOFF**number for number in range(charon.TRIES + 1))
    assert abs(whole - timeout) <= 0.5
    assert delay >= 1
    assert first <= charon.LONGEST_FIRST_WAIT_S, "a lost first message is sent again soon"


def test_kernel_plugins_are_asked_in_the_order_given() -> None:
    text = charon.settings(AZURE, ("kernel-libipsec", "kernel-netlink"))
    assert " kernel-libipsec kernel-netlink socket-default vici" in text
    assert "kernel-libipsec" not in charon.settings(AZURE, ("kernel-netlink",))


def test_every_association_belongs_to_the_tunnels_interface() -> None:
    for connection in charon.connections(AZURE).values():
        for child in connection["children"].values():
            assert (child["if_id_in"], child["if_id_out"]) == ("1", "1")


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


class Listing:
    """A charon that lists one thing after the other."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self._answers = list(answers)

    async def streamed(self, *_: str) -> list[dict[str, Any]]:
        return self._answers.pop(0)

    def state(self, before: str) -> str:
        return associations(asyncio.run(listed_by(self, Associations(before)))).state


REPLACED: list[dict[str, Any]] = [{"starting": {"state": "DELETING"}}]
"""What was seen of a real one while an IKE association took another's place."""


def test_a_tunnel_that_hands_its_children_over_while_it_is_listed_is_still_there() -> None:
    missed = [REPLACED] * (LOOKS - 1)
    assert Listing(*missed, [listed("INSTALLED")]).state(before=ESTABLISHED) == ESTABLISHED
    assert Listing(*missed, []).state(before=ESTABLISHED) == "down"
    assert Listing(REPLACED).state(before="connecting") == "connecting", "nothing was there to be missed"


def test_an_ike_association_without_children_is_barren_once_it_stands_and_rests() -> None:
    standing = {"starting": {"state": "ESTABLISHED", "uniqueid": "3", "child-sas": {}}}
    trying = {"starting": {"state": "CONNECTING", "uniqueid": "4", "child-sas": {}}}
    with_child = {"answering": {"state": "ESTABLISHED", "uniqueid": "5", "child-sas": {"any-1": {}}}}
    busy = {"answering": standing["starting"] | {"uniqueid": "6", "tasks-active": ["CHILD_CREATE"]}}
    assert barren([standing, trying, with_child, busy]) == {"3"}


# With certificates, and with IKEv1.

HELD = charon.Held(b"private", b"certificate", (b"authority", b"another"))


def test_with_certificates_the_identities_are_their_subjects() -> None:
    found = charon.connections(CERTIFIED, HELD)[charon.STARTING]
    assert found["local"] == {"auth": "pubkey", "id": "CN=gw", "certs": [b"certificate"]}
    assert found["remote"] == {"auth": "pubkey", "id": "CN=vpn1", "cacerts": [b"authority", b"another"]}


def test_a_private_key_is_in_the_message_for_it_and_nowhere_else() -> None:
    assert charon.secret(CERTIFIED, HELD) == ("load-key", {"type": "rsa", "data": b"private"})
    assert "private" not in repr(charon.connections(CERTIFIED, HELD)) + repr(HELD)


@pytest.mark.parametrize(("anew", "key"), [(False, "rekey_time"), (True, "reauth_time")])
def test_at_the_end_of_its_life_an_ike_association_gets_new_keys_or_is_made_anew(
    anew: bool, key: str
) -> None:
    found = charon.connections(replace(CUSTOM, reauthenticates=anew))[charon.STARTING]
    assert [name for name in ("rekey_time", "reauth_time") if name in found] == [key]
    assert "make_before_break = yes" in charon.settings(CUSTOM, ("kernel-netlink",))


def test_ikev1_is_told_as_such_and_has_a_time_of_its_own_for_silent_peers() -> None:
    found = charon.connections(replace(CUSTOM, ike_version=1))[charon.STARTING]
    assert (found["version"], found["dpd_timeout"]) == ("1", "45s")
