"""Speakers as ExaBGP configuration, read back by ExaBGP's own parser."""

from __future__ import annotations

import base64
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest
from exabgp.configuration.configuration import Configuration
from exabgp.protocol.family import AFI, SAFI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_builders import FILES, compiled

from lab.agent.bridge import prepare_exabgp
from lab.bgp.route import Asn
from lab.bgp.speaker import Neighbor, SpeakerConfig, Timers
from lab.plan.render.exabgp import render_speaker

unhurried = settings(
    deadline=None, database=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)

SESSION = Neighbor(
    name="msee1/private",
    local_address=ip_address("192.0.2.1"),
    peer_address=ip_address("192.0.2.2"),
    peer_asn=Asn(12076),
)


def speaker(*neighbors):
    return SpeakerConfig(
        name="ce1/core",
        asn=Asn(4200000001),
        bgp_identifier=IPv4Address("100.127.0.9"),
        neighbors=neighbors,
    )


@pytest.fixture(scope="module", autouse=True)
def exabgp_environment():
    """As in every process that runs speakers."""
    prepare_exabgp()


def read_back(config):
    """What ExaBGP makes of the text: its neighbours by peer address."""
    configuration = Configuration([render_speaker(config)], text=True)
    assert configuration.reload(), str(configuration.error)
    return {str(neighbor["peer-address"]): neighbor for neighbor in configuration.neighbors.values()}


def one(**changes):
    (found,) = read_back(speaker(replace(SESSION, **changes))).values()
    return found


def test_a_session_is_read_back_as_it_was_meant():
    found = one(timers=Timers(3, 10, 5))
    assert str(found["local-address"]) == "192.0.2.1"
    assert (int(found["local-as"]), int(found["peer-as"])) == (4200000001, 12076)
    assert str(found["router-id"]) == "100.127.0.9"
    assert found["hold-time"] == 10
    assert found["description"] == "msee1/private"
    assert found.families() == [(AFI.ipv4, SAFI.unicast)]
    assert (found["group-updates"], found["adj-rib-in"], found["adj-rib-out"]) == (True, False, True)


def test_the_waiting_end_listens_and_the_other_connects():
    waiting, calling = one(passive=True), one(passive=False)
    assert (waiting["passive"], waiting["listen"], waiting["connect"]) == (True, 179, 0)
    assert (calling["passive"], calling["listen"], calling["connect"]) == (False, 0, 179)


def test_the_time_to_live_is_left_to_the_system_unless_given():
    assert one(ttl=1)["outgoing-ttl"] == 1
    assert one()["outgoing-ttl"] is None


def test_a_hold_time_of_zero_is_kept():
    assert one(timers=Timers(0, 0, 5))["hold-time"] == 0


def test_ipv6_sessions_carry_ipv6():
    found = one(local_address=ip_address("2001:db8::1"), peer_address=ip_address("2001:db8::2"))
    assert found.families() == [(AFI.ipv6, SAFI.unicast)]
    assert str(found["router-id"]) == "100.127.0.9"


def test_add_path_is_both_ways_and_only_where_asked_for():
    asked = one(add_path=True)
    assert asked["capability"]["add-path"] == 3
    assert asked.addpaths() == [(AFI.ipv4, SAFI.unicast)]
    assert one()["capability"]["add-path"] == 0


def test_capabilities_are_few():
    capability = one()["capability"]
    assert capability["asn4"] is True
    for name in ("graceful-restart", "multi-session", "operational"):
        assert not capability[name]


def test_route_refresh_is_offered():
    assert one()["capability"]["route-refresh"] is True


def test_exabgp_has_nothing_to_say_about_a_configuration(caplog):
    one(add_path=True, password="key", passive=True)
    assert not caplog.records


@pytest.mark.parametrize(
    "key",
    ["plain", 'a "b" c', "semi;colon", "it's", "back\\slash", "{ } # [ , ]", "tab\there", "käse", "x" * 80],
)
def test_any_key_survives(key):
    found = one(password=key)
    assert found["md5-base64"] is True
    assert base64.b64decode(found["md5-password"]).decode() == key
    assert str(found["md5-ip"]) == "192.0.2.1"


@unhurried
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=25))
def test_every_printable_key_survives(key):
    assert base64.b64decode(one(password=key)["md5-password"]).decode() == key


def test_without_a_key_there_is_none():
    assert not one()["md5-password"]


def test_a_speaker_without_sessions_has_no_configuration():
    assert render_speaker(speaker()) == ""


@pytest.mark.parametrize("name", FILES)
def test_exabgp_reads_every_session_of_a_plan(name):
    for found in compiled(name).speakers:
        if not found.config.neighbors:
            continue
        read = read_back(found.config)
        assert len(read) == len(found.config.neighbors)
        for near in found.config.neighbors:
            session = read[str(near.peer_address)]
            assert str(session["local-address"]) == str(near.local_address)
            assert int(session["peer-as"]) == near.peer_asn
            assert session["hold-time"] == near.timers.hold
            assert session["passive"] == near.passive
            assert bool(session["md5-password"]) == (near.password is not None)
