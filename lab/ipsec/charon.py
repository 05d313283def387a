"""What one charon is told: its settings as text, its connection and its key as vici messages.

The key, shared or private, is in none of the text: it travels over vici and stays in charon's memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.plan.tunnels import Child, Proposals, TunnelEnd

VICI_SOCKET = "vici.sock"
SETTINGS = "strongswan.conf"

PLUGINS = (
    "random", "nonce", "aes", "sha1", "sha2", "md5", "hmac", "kdf", "gmp", "openssl", "gcm", "pem", "pkcs1",
    "x509", "pubkey",
)  # fmt: skip

IF_ID = 1
"""What ties associations and policies to an xfrm interface; libipsec has no use for it."""

TRIES = 2
BACKOFF = 1.8
SPREAD = 1 + BACKOFF + BACKOFF**2
"""All waiting for answers to a request and its retransmissions, as a multiple of the first."""
LONGEST_FIRST_WAIT_S = 4.0
SHARE_OF_WAITING = 0.55

REKEY_SHARE = 0.9
"""When a new ESP association takes over, as a share of the old one's life; charon draws a little off."""

ANSWERING, STARTING = "answering", "starting"
"""The two connections of an end that accepts more than it offers."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an end with certificates holds, in DER: its key and certificate, those of the authorities it
    trusts."""

    private_key: bytes = field(repr=False)
    certificate: bytes
    authorities: tuple[bytes, ...]


def settings(end: TunnelEnd, kernel_plugins: tuple[str, ...]) -> str:
    """strongswan.conf of the charon that serves this end alone; paths are relative to its folder. Of the
    kernel's plugins the first that can do ESP does it, the others serve the rest."""
    first_wait, _ = liveness(end.dpd_timeout)
    plugins = (*PLUGINS, *kernel_plugins, "socket-default", "vici")
    return f"""\
charon-systemd {{
  load = {" ".join(plugins)}
  install_routes = no
  install_virtual_ip = no
  make_before_break = yes
  retransmit_timeout = {first_wait:.2f}
  retransmit_tries = {TRIES}
  retransmit_base = {BACKOFF}
  filelog {{
    log {{
      path = /proc/self/fd/1
      default = 1
      time_format = %FT%T
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{VICI_SOCKET}
    }}
  }}
}}
"""


def liveness(timeout: int) -> tuple[float, int]:
    """Seconds that a request waits for its first answer, and of silence before the peer is asked.

    In IKEv2 a dead peer is noticed after an idle time and all retransmissions of a question (RFC 7296
    section 2.4); Azure gives one number for the whole.
    """
    first_wait = min(LONGEST_FIRST_WAIT_S, SHARE_OF_WAITING * timeout / SPREAD)
    return first_wait, max(1, round(timeout - first_wait * SPREAD))


def connections(end: TunnelEnd, held: Held | None = None) -> dict[str, dict[str, Any]]:
    """By name, in the order in which charon has to know them; ``held`` with certificates.

    charon takes the first connection that fits a peer's request, so what only answers is loaded
    before what starts. One is enough when both are the same.
    """
    answering = end.answers and _differs(end)
    found = {}
    if answering:
        taken = (Child("any"),) if end.takes_any_selectors else end.children
        found[ANSWERING] = _connection(end, held, end.accepted, taken)
    found[STARTING] = _connection(end, held, end.offered, end.children)
    return found


def _differs(end: TunnelEnd) -> bool:
    return end.offered != end.accepted or (end.takes_any_selectors and end.children != (Child("any"),))


def _connection(
    end: TunnelEnd, held: Held | None, proposals: Proposals, children: tuple[Child, ...]
) -> dict[str, Any]:
    """With IKEv1 a silent peer's time is told apart from when to ask it, and there is no other way to new
    keys than to begin anew."""
    _, delay = liveness(end.dpd_timeout)
    return {
        "version": str(end.ike_version),
        "local_addrs": [str(end.local_address)],
        "remote_addrs": [str(end.remote_address)],
        "proposals": list(proposals.ike),
        "mobike": "no",
        "unique": "replace",
        "keyingtries": "1",
        "dpd_delay": f"{delay}s",
        "dpd_timeout": f"{end.dpd_timeout}s",
        "reauth_time" if end.reauthenticates else "rekey_time": f"{end.ike_lifetime}s",
        **_identities(end, held),
        "children": {child.name: _child(end, proposals, child) for child in children},
    }


def _child(end: TunnelEnd, proposals: Proposals, child: Child) -> dict[str, Any]:
    """Nothing starts by itself: the lab says when, so that no end retries before the other is there."""
    return {
        "local_ts": list(map(str, child.local)),
        "remote_ts": list(map(str, child.remote)),
        "esp_proposals": list(proposals.esp),
        "mode": "tunnel",
        "if_id_in": str(IF_ID),
        "if_id_out": str(IF_ID),
        "start_action": "none",
        "close_action": "none",
        "dpd_action": "clear",
        "life_time": f"{end.child_lifetime}s",
        "rekey_time": f"{round(REKEY_SHARE * end.child_lifetime)}s",
        "life_bytes": str(end.child_bytes),
        "rekey_bytes": str(round(REKEY_SHARE * end.child_bytes)),
    }


def _identities(end: TunnelEnd, held: Held | None) -> dict[str, Any]:
    """Whom this end proves to be and whom it wants at the other one; a certificate's subject is an
    ID_DER_ASN1_DN (RFC 7296 section 3.5)."""
    if end.certificates is None or held is None:
        return {
            "local": {"auth": "psk", "id": str(end.identity)},
            "remote": {"auth": "psk", "id": str(end.remote_address)},
        }
    own, peer = end.certificates.own.subject, end.certificates.peer_subject
    return {
        "local": {"auth": "pubkey", "id": f"CN={own}", "certs": [held.certificate]},
        "remote": {"auth": "pubkey", "id": f"CN={peer}", "cacerts": list(held.authorities)},
    }


def secret(end: TunnelEnd, held: Held | None = None) -> tuple[str, dict[str, Any]]:
    """What proves it, as a command and its message."""
    if held is not None:
        return "load-key", {"type": "rsa", "data": held.private_key}
    owners = [str(end.identity), str(end.remote_address)]
    return "load-shared", {"id": "psk", "type": "IKE", "data": end.shared_key, "owners": owners}
