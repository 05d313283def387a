"""Why a tunnel is not up: charon's log lines in Azure's words.

Both ends are listened to, and both say it in the same words, because charon logs the notifications of
every message that it sends or gets; names of messages and notifications are RFC 7296's. The words after
the dash are Network Watcher's and the numbers IKE errors' of Windows, as Azure reports them
(learn.microsoft.com, network-watcher-troubleshoot-overview). Of certificates Microsoft publishes none.
"""

from __future__ import annotations

import re

from lab.plan.tunnels import TunnelEnd

KEYS = "IKE_AUTH: AUTHENTICATION_FAILED, the shared keys differ - Azure: Authentication, 13801"
REFUSED = "IKE_AUTH: AUTHENTICATION_FAILED, one end does not accept the other - Azure: not Connected"
STRANGER = (
    "IKE_AUTH: AUTHENTICATION_FAILED, no trusted authority signed the peer's certificate"
    " - Azure: not Connected"
)
EXPIRED = "IKE_AUTH: AUTHENTICATION_FAILED, the peer's certificate is not valid now - Azure: not Connected"
IKE_PROPOSAL = "IKE_SA_INIT: NO_PROPOSAL_CHOSEN, no IKE proposal in common - Azure: IkePolicyMismatch, 13868"
ESP_PROPOSAL = "IKE_AUTH: NO_PROPOSAL_CHOSEN, no ESP proposal in common - Azure: IkePolicyMismatch, 13868"
PFS = (
    "CREATE_CHILD_SA: NO_PROPOSAL_CHOSEN, no new keys because the groups for PFS differ"
    " - Azure: down about every SA lifetime"
)
SELECTORS = "IKE_AUTH: TS_UNACCEPTABLE, the traffic selectors do not meet - Azure: not Connected"
UNANSWERED = "IKE_SA_INIT: no answer - Azure: PeerReachability"
BLOCKED = (
    "IKE_AUTH: no answer though there was one to IKE_SA_INIT, is UDP 4500 open? - Azure: PeerReachability"
)
SILENT = "peer silent (DPD) - Azure: TunnelDisconnected, then a new try every few seconds"

_MESSAGE = re.compile(r"(?:parsed|generating) ([A-Z_0-9]+) (?:request|response) \d+ \[ (.*) \]")
"""A message with its payloads, as charon logs it."""

_NOTIFIED = {
    ("IKE_SA_INIT", "NO_PROP"): IKE_PROPOSAL,
    ("IKE_AUTH", "NO_PROP"): ESP_PROPOSAL,
    ("IKE_AUTH", "TS_UNACCEPT"): SELECTORS,
    ("CREATE_CHILD_SA", "NO_PROP"): PFS,
    ("CREATE_CHILD_SA", "TS_UNACCEPT"): SELECTORS,
}
"""What a notification in a message means, by charon's short names of them."""

_REFUSALS = frozenset({("IKE_AUTH", "AUTH_FAILED"), ("INFORMATIONAL", "AUTH_FAILED")})
"""The second is what an initiator says that does not take the responder for whom it wants."""

_LOOKUP = re.compile(r"looking for peer configs matching \S+\[(.*)\]\.\.\.[^\[]+\[(.*)\]")
"""Whom the initiator wants, and whom it proves to be."""

_SAID: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), problem)
    for pattern, problem in (
        (r"tried \d+ shared keys? for .* but MAC mismatched", KEYS),
        (r"decryption failed\?", KEYS),
        (r"no issuer certificate found for|peer not authenticated by CA", STRANGER),
        (r"certificate invalid \(valid from", EXPIRED),
        (r"retransmit \d+ of request with message ID 0", UNANSWERED),
        (r"retransmit \d+ of request message ID 0, seq 1\b", UNANSWERED),
        (r"retransmit \d+ of request with message ID 1", BLOCKED),
        (r"giving up after \d+ retransmits|DPD check timed out", SILENT),
    )
)


_IKEV1_NAMES = (
    ("IKE_AUTH: AUTHENTICATION_FAILED, the shared", "main mode: cannot be decrypted, the shared"),
    ("IKE_AUTH:", "quick mode:"),
    ("IKE_SA_INIT:", "main mode:"),
)


def _in_ikev1(problem: str) -> str:
    """The exchanges have other names there, and a key that is wrong shows in nothing being readable."""
    for ours, theirs in _IKEV1_NAMES:
        problem = problem.replace(ours, theirs)
    return problem


def _in_either(*problems: str) -> frozenset[str]:
    return frozenset((*problems, *map(_in_ikev1, problems)))


_NO_BEGINNING = _in_either(UNANSWERED, BLOCKED)
NO_ANSWER = _NO_BEGINNING | {SILENT}
_VAGUE = _in_either(REFUSED, ESP_PROPOSAL)


def problem_in(line: str, end: TunnelEnd) -> str | None:
    """What a line of that end's charon says is wrong, if it says so."""
    problem = _problem_in(line, end)
    return _in_ikev1(problem) if problem is not None and end.ike_version == 1 else problem


def _problem_in(line: str, end: TunnelEnd) -> str | None:
    if message := _MESSAGE.search(line):
        return _notified(message[1], message[2], end)
    if asked := _LOOKUP.search(line):
        return _misnamed(asked[1], asked[2], end)
    return next((problem for pattern, problem in _SAID if pattern.search(line)), None)


def outranks(new: str, old: str | None) -> bool:
    """Whether the new problem tells more: nothing is to be made of silence that something else explains,
    and little of a refusal when the end that refused has said why. charon gives up on a first message
    in the same words as on a peer that was there."""
    return old is None or _rank(new) >= _rank(old)


def _rank(problem: str) -> int:
    if problem in NO_ANSWER:
        return int(problem in _NO_BEGINNING)
    return 2 if problem in _VAGUE else 3


def _notified(exchange: str, payloads: str, end: TunnelEnd) -> str | None:
    notifications = re.findall(r"N\(([A-Z0-9_]+)\)", payloads)
    if exchange == "INFORMATIONAL_V1":  # in IKEv1 what is about ESP comes encrypted, with a hash
        exchange = "IKE_AUTH" if payloads.startswith("HASH") else "IKE_SA_INIT"
    for name in notifications:
        if (exchange, name) in _REFUSALS:
            return KEYS if end.certificates is None else REFUSED
        if (exchange, name) in _NOTIFIED:
            return _NOTIFIED[exchange, name]
    return None


def _misnamed(wanted: str, shown: str, end: TunnelEnd) -> str | None:
    """An initiator with certificates says whom it wants; an empty name, or %any, is everybody's."""
    if end.certificates is None:
        return None
    own, peer = f"CN={end.certificates.own.subject}", f"CN={end.certificates.peer_subject}"
    if wanted not in (own, "", "%any"):
        return _name_problem(wanted, own)
    return None if shown == peer else _name_problem(peer, shown)


def _name_problem(wanted: str, shown: str) -> str:
    return (
        f"IKE_AUTH: AUTHENTICATION_FAILED, one end wants {wanted} and the other is {shown}"
        " - Azure: not Connected"
    )
