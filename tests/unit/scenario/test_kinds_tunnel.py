"""What claims about tunnels say, see, and find broken."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from running_builders import secured_lab, secured_plan, tunnel_end

from lab.errors import BackendError, InputError
from lab.probe.flows import Flow
from lab.scenario.kinds.base import Expectation, LabTimer, Sight
from lab.scenario.kinds.tunnel import NoTunnel, TunnelUp
from lab.scenario.memory import MemoryLab

KEYS = "IKE_AUTH: AUTHENTICATION_FAILED, the shared keys differ - Azure: Authentication, 13801"
END = {"node": "vpn1", "peer": "vpngw-secure-0"}


def up(**facts: Any) -> TunnelUp:
    return TunnelUp.model_validate(END | facts)


def down(**facts: Any) -> NoTunnel:
    return NoTunnel.model_validate(END | {"holds_for": "retry"} | facts)


@pytest.mark.parametrize(
    ("expectation", "claim"),
    [
        (up(), "the tunnel of vpn1 with vpngw-secure-0 is established"),
        (
            up(ike="A/B", esp="C", local=["10.0.0.0/24", "10.1.10.0/25"], packets_in=3, bytes_out=1),
            "the tunnel of vpn1 with vpngw-secure-0 is established, with IKE A/B, ESP C, "
            "local selectors 10.0.0.0/24 and 10.1.10.0/25, at least 3 packets in and at least 1 bytes out",
        ),
        (down(), "the tunnel of vpn1 with vpngw-secure-0 is not established"),
        (
            down(problem="13801"),
            "the tunnel of vpn1 with vpngw-secure-0 is not established, its problem holding '13801'",
        ),
    ],
)
def test_a_claim_is_a_sentence(expectation: Expectation, claim: str) -> None:
    assert expectation.claim() == claim


@pytest.mark.parametrize(
    ("facts", "sight"),
    [
        ({}, Sight(True, "established")),
        ({"state": "connecting"}, Sight(False, "connecting")),
        ({"state": "down", "problem": KEYS}, Sight(False, f"down: {KEYS}")),
    ],
)
def test_a_tunnel_is_up_when_it_carries_packets(facts: dict[str, Any], sight: Sight) -> None:
    assert up().look(secured_lab(**facts)) == sight
    assert up(peer="conn-secure-0").look(secured_lab(**facts)) == sight


@pytest.mark.parametrize(
    ("claimed", "holds", "seen"),
    [
        ({"esp": "AES_GCM_16/256"}, True, "established, ESP AES_GCM_16/256"),
        ({"esp": "AES_GCM_16"}, False, "established, ESP AES_GCM_16/256"),
        (
            {"ike": "AES_GCM_16/256"},
            False,
            "established, IKE AES_CBC/256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
        ),
        (
            {"local": ["10.1.0.0/16", "10.0.0.0/24"]},
            True,
            "established, local selectors 10.0.0.0/24 and 10.1.0.0/16",
        ),
        ({"local": ["10.0.0.0/24"]}, False, "established, local selectors 10.0.0.0/24 and 10.1.0.0/16"),
        ({"remote": ["0.0.0.0/0"]}, True, "established, remote selectors 0.0.0.0/0"),
        ({"packets_in": 7, "bytes_in": 700}, True, "established, 7 packets in, 700 bytes in"),
        ({"packets_out": 1}, False, "established, 0 packets out"),
        ({"packets_in": 8}, False, "established, 7 packets in"),
    ],
)
def test_what_the_ends_agreed_on_is_exact_and_what_was_carried_at_least(
    claimed: dict[str, Any], holds: bool, seen: str
) -> None:
    lab = secured_lab(packets_in=7, bytes_in=700, local_selectors=["10.0.0.0/24", "10.1.0.0/16"])
    assert up(**claimed).look(lab) == Sight(holds, seen)


@pytest.mark.parametrize(
    ("facts", "problem", "holds"),
    [
        ({}, None, False),
        ({"state": "down"}, None, True),
        ({"state": "connecting"}, None, True),
        ({"state": "down"}, "13801", False),
        ({"state": "down", "problem": KEYS}, "13801", True),
        ({"state": "down", "problem": KEYS}, "13868", False),
        ({"problem": KEYS}, "13801", False),
    ],
)
def test_a_tunnel_is_down_with_the_problem_that_is_asked_for(
    facts: dict[str, Any], problem: str | None, holds: bool
) -> None:
    assert down(problem=problem).look(secured_lab(**facts)).holds is holds


def test_a_broken_way_between_the_outer_addresses_comes_before_what_the_ends_say() -> None:
    asked = []

    class Tracing(MemoryLab):
        def trace(self, flow: Flow) -> str | None:
            asked.append(flow)
            return super().trace(flow)

    told = secured_lab(state="down", problem="IKE_SA_INIT: no answer")
    lab = Tracing(told.plan, tunnels_of=told.tunnels_of, broken="dmz1 has no route to 52.175.253.112")
    assert up().broken_link(lab) == "dmz1 has no route to 52.175.253.112"
    (flow,) = asked
    assert (flow.source, str(flow.source_address)) == ("vpn1", "203.0.113.110")
    assert (str(flow.destination), flow.protocol, flow.destination_port) == ("52.175.253.112", "udp", 500)


def test_on_a_way_that_is_whole_both_ends_say_what_is_wrong() -> None:
    lab = secured_lab(state="down", problem=KEYS)
    assert down(problem="13868").broken_link(lab) == f"vpn1 says of vpngw-secure-0: {KEYS}"
    lab.tunnels_of["vpngw-secure-0"][0]["problem"] = "another"
    assert up().broken_link(lab) == (
        f"vpn1 says of vpngw-secure-0: {KEYS}\nvpngw-secure-0 says of vpn1: another"
    )


def test_of_a_tunnel_that_is_up_it_is_told_what_the_ends_agreed_on() -> None:
    agreed = (
        "vpn1 and vpngw-secure-0 agreed on IKE AES_CBC/256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024 "
        "and ESP AES_GCM_16/256, for 0.0.0.0/0 to 0.0.0.0/0"
    )
    assert down().broken_link(secured_lab()) == agreed
    assert up(esp="another").broken_link(secured_lab()) == agreed


def test_nothing_is_known_of_a_tunnel_that_nobody_has_begun() -> None:
    assert up().broken_link(secured_lab(state="down")) is None


def test_a_lab_without_its_tunnels_is_an_error_and_no_absence() -> None:
    lab = MemoryLab(secured_plan(), tunnels_of={"vpn1": []})
    with pytest.raises(BackendError, match="without its IPsec tunnels") as error:
        down().look(lab)
    assert error.value.hint is not None
    assert "doctor" in error.value.hint


def test_an_unknown_tunnel_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="vpn1 has no tunnel with vpngw-secure-7") as error:
        up(peer="vpngw-secure-7").look(secured_lab())
    assert error.value.hint is not None
    assert "vpngw-secure-0" in error.value.hint
    assert "conn-secure-1" in error.value.hint


@pytest.mark.parametrize(
    "wrong", [{"packets_in": 0}, {"local": []}, {"remote": ["10.0.0.1/24"]}, {"peer": None}]
)
def test_values_that_say_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        up(**wrong)


def test_an_absence_holds_for_a_timer() -> None:
    assert down().holds_for is LabTimer.RETRY
    with pytest.raises(ValidationError):
        NoTunnel.model_validate(END)


def test_the_ends_of_these_tests_are_those_of_a_lab() -> None:
    """Facts as the runtime tells them (``lab.runtime.tunnel_end``)."""
    (end, *_) = secured_plan().tunnels
    assert {"name", "node", "peer", "state", "problem", "local_selectors"} <= tunnel_end(end).keys()
