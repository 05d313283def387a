"""What charon's words mean. The lines are charon's own, from labs with that mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ipsec_builders import AZURE, CERTIFIED

from lab.ipsec import problems
from lab.ipsec.problems import outranks, problem_in

IKEV1 = replace(AZURE, ike_version=1)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("tried 1 shared key for '52.175.253.112' - '203.0.113.110', but MAC mismatched", problems.KEYS),
        ("generating IKE_AUTH response 1 [ N(AUTH_FAILED) ]", problems.KEYS),
        ("parsed IKE_AUTH response 1 [ N(AUTH_FAILED) ]", problems.KEYS),
        ("parsed IKE_SA_INIT response 0 [ N(NO_PROP) ]", problems.IKE_PROPOSAL),
        ("generating IKE_SA_INIT response 0 [ N(NO_PROP) ]", problems.IKE_PROPOSAL),
        ("parsed IKE_AUTH response 1 [ IDr AUTH N(NO_PROP) ]", problems.ESP_PROPOSAL),
        ("generating IKE_AUTH response 1 [ IDr AUTH N(NO_PROP) ]", problems.ESP_PROPOSAL),
        ("parsed IKE_AUTH response 1 [ IDr AUTH N(TS_UNACCEPT) ]", problems.SELECTORS),
        ("generating CREATE_CHILD_SA response 2 [ N(TS_UNACCEPT) ]", problems.SELECTORS),
        ("parsed CREATE_CHILD_SA response 2 [ N(NO_PROP) ]", problems.PFS),
        ("generating CREATE_CHILD_SA response 2 [ N(NO_PROP) ]", problems.PFS),
        ("retransmit 1 of request with message ID 0", problems.UNANSWERED),
        ("retransmit 2 of request with message ID 1", problems.BLOCKED),
        ("giving up after 2 retransmits", problems.SILENT),
    ],
)
def test_a_line_of_the_log_is_explained(line: str, problem: str) -> None:
    assert problem_in(line, AZURE) == problem


@pytest.mark.parametrize(
    "line",
    [
        "IKE_SA starting[1] established between 192.0.2.1[192.0.2.1]...198.51.100.1[198.51.100.1]",
        "looking for peer configs matching 192.0.2.1[192.0.2.1]...198.51.100.1[198.51.100.1]",
        "generating IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) N(FRAG_SUP) N(REDIR_SUP) ]",
        "parsed IKE_SA_INIT response 0 [ N(INVAL_KE) ]",
        "parsed INFORMATIONAL response 3 [ ]",
        "retransmit 1 of request with message ID 7",
        'received end entity cert "CN=vpn1"',
    ],
)
def test_what_is_in_order_is_no_problem(line: str) -> None:
    assert problem_in(line, AZURE) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('no issuer certificate found for "CN=vpn1"', "no trusted authority"),
        (
            "subject certificate invalid (valid from Oct 23 22:15:38 2026 to Nov 21 22:15:38 2026)",
            "not valid",
        ),
        ("parsed IKE_AUTH response 1 [ N(AUTH_FAILED) ]", "one end does not accept the other"),
        ("parsed INFORMATIONAL request 2 [ N(AUTH_FAILED) ]", "one end does not accept the other"),
        (
            "looking for peer configs matching 52.175.253.112[CN=gw]...203.0.113.110[CN=vpn9]",
            "wants CN=vpn1 and the other is CN=vpn9",
        ),
        (
            "looking for peer configs matching 52.175.253.112[CN=another]...203.0.113.110[CN=vpn1]",
            "wants CN=another and the other is CN=gw",
        ),
    ],
)
def test_with_certificates_the_name_the_authority_or_the_time_is_wrong(line: str, words: str) -> None:
    problem = problem_in(line, CERTIFIED)
    assert problem is not None
    assert problem.startswith("IKE_AUTH: AUTHENTICATION_FAILED")
    assert words in problem


def test_an_initiator_in_whose_eyes_all_is_well_is_no_problem() -> None:
    for wanted in ("CN=gw", "%any", ""):
        line = f"looking for peer configs matching 52.175.253.112[{wanted}]...203.0.113.110[CN=vpn1]"
        assert problem_in(line, CERTIFIED) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("parsed INFORMATIONAL_V1 request 0 [ N(NO_PROP) ]", "main mode: NO_PROPOSAL_CHOSEN"),
        ("parsed INFORMATIONAL_V1 request 2174732884 [ HASH N(NO_PROP) ]", "quick mode: NO_PROPOSAL_CHOSEN"),
        (
            "invalid ID_V1 payload length, decryption failed?",
            "main mode: cannot be decrypted, the shared keys",
        ),
        ("sending retransmit 1 of request message ID 0, seq 1", "main mode: no answer"),
        ("DPD check timed out, enforcing DPD action", "peer silent (DPD)"),
    ],
)
def test_ikev1_has_other_words_for_the_same(line: str, words: str) -> None:
    problem = problem_in(line, IKEV1)
    assert problem is not None
    assert problem.startswith(words)


def test_explanations_are_in_azures_terms() -> None:
    assert "Authentication, 13801" in problems.KEYS
    assert "IkePolicyMismatch, 13868" in problems.IKE_PROPOSAL
    assert "PeerReachability" in problems.UNANSWERED
    assert "TunnelDisconnected" in problems.SILENT


@pytest.mark.parametrize(
    ("new", "old", "does"),
    [
        (problems.SILENT, None, True),
        (problems.SILENT, problems.KEYS, False),
        (problems.UNANSWERED, problems.STRANGER, False),
        (problems.REFUSED, problems.STRANGER, False),
        (problems.STRANGER, problems.REFUSED, True),
        (problems.ESP_PROPOSAL, problems.PFS, False),
        (problems.KEYS, problems.IKE_PROPOSAL, True),
        (problems.SILENT, problems.UNANSWERED, False),
        (problems.SILENT, problem_in("retransmit 1 of request message ID 0, seq 1", IKEV1), False),
        (problems.UNANSWERED, problems.SILENT, True),
    ],
)
def test_what_tells_more_stays(new: str, old: str | None, does: bool) -> None:
    assert outranks(new, old) is does
