"""Why a tunnel is not up: charon's log lines in Azure's words.

The names after the dash are Network Watcher's and the numbers IKE errors' of Windows, as Azure reports
them (learn.microsoft.com, network-watcher-troubleshoot-overview); notifications are RFC 7296's.
"""

from __future__ import annotations

import re

KEYS = "IKE_AUTH: AUTHENTICATION_FAILED, the shared keys differ - Azure: Authentication, 13801"
IDENTITY = "IKE_AUTH: AUTHENTICATION_FAILED, the other end does not know us - Azure: Authentication, 13801"
IKE_PROPOSAL = "IKE_SA_INIT: NO_PROPOSAL_CHOSEN, no IKE proposal in common - Azure: IkePolicyMismatch, 13868"
ESP_PROPOSAL = "IKE_AUTH: NO_PROPOSAL_CHOSEN, no ESP proposal in common - Azure: IkePolicyMismatch, 13868"
PFS = "CREATE_CHILD_SA: the key exchange groups of ESP (PFS) differ - Azure: IkePolicyMismatch"
SELECTORS = "IKE_AUTH: TS_UNACCEPTABLE, the traffic selectors do not meet - Azure: not Connected"
UNANSWERED = "IKE_SA_INIT: no answer - Azure: PeerReachability"
SILENT = "the peer fell silent (DPD) - Azure: TunnelDisconnected, then a new try every few seconds"

_MEANING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), problem)
    for pattern, problem in (
        (r"received AUTHENTICATION_FAILED notify error", KEYS),
        (r"tried \d+ shared keys? for .* but MAC mismatched", KEYS),
        (r"no shared key found for|no matching peer config found", IDENTITY),
        (r"received NO_PROPOSAL_CHOSEN notify error", IKE_PROPOSAL),
        (r"received proposals unacceptable", IKE_PROPOSAL),
        (r"received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built", ESP_PROPOSAL),
        (r"no acceptable proposal found", ESP_PROPOSAL),
        (r"received INVALID_KE_PAYLOAD notify|DH group .* unacceptable", PFS),
        (r"received TS_UNACCEPTABLE notify, no CHILD_SA built", SELECTORS),
        (r"traffic selectors .* unacceptable", SELECTORS),
        (r"retransmit \d+ of request with message ID 0", UNANSWERED),
        (r"giving up after \d+ retransmits", SILENT),
    )
)


def problem_in(line: str) -> str | None:
    """What a line of charon's log says is wrong, if it says so."""
    for pattern, problem in _MEANING:
        if pattern.search(line):
            return problem
    return None
