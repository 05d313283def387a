"""Deleting security associations at one end of a tunnel, with a word to the peer or without.

charon always sends a DELETE for an association that works. To forget without a word, what it would
say is kept from leaving its namespace, until it has been seen trying: forced, it does not wait for an
answer and does not say it again (strongSwan, plugins/vici/README.md, terminate).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from lab.errors import InputError
from lab.fault.effects import Association
from lab.ipsec.vici import Session
from lab.runtime import nft
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import run_in
from lab.timing import FORGETTING, wait_until

RULES = "rules of a fault"
TABLE = "mseelab-silence"
SILENCE = f"""\
table inet {TABLE} {{
    counter unsaid {{ }}
    chain output {{
        type filter hook output priority filter; policy accept;
        udp dport 500 @th,208,8 {{ 5, 37 }} counter name unsaid drop
        udp dport 4500 @th,64,32 0x0 @th,240,8 {{ 5, 37 }} counter name unsaid drop
    }}
}}
"""
"""Nothing of an informational exchange, which a DELETE is one of: 37 in IKEv2 (RFC 7296 section 3.1),
5 in IKEv1 (RFC 2408 section 3.1); with what comes before IKE on port 4500 (RFC 3948 section 2.2)."""

AT_ONCE = "-1"


async def delete(session: Session, association: Association) -> None:
    """All associations of that kind; the peer is told. Raises InputError when there is none."""
    for identifier in _identifiers(await session.streamed("list-sas", "list-sa"), association):
        await session.command("terminate", identifier | {"timeout": AT_ONCE})


async def forget(session: Session, namespace: NetworkNamespace) -> None:
    """All IKE associations with their children; the peer is not told. ``namespace`` is charon's. Raises
    InputError when there is none."""
    identifiers = _identifiers(await session.streamed("list-sas", "list-sa"), Association.IKE)
    await asyncio.to_thread(nft.load, namespace, SILENCE, RULES)
    try:
        for identifier in identifiers:
            await session.command("terminate", identifier | {"force": "yes", "timeout": AT_ONCE})
        await asyncio.to_thread(
            wait_until,
            f"{namespace.name}: DELETE kept back",
            lambda: _unsaid(namespace),
            lambda count: count >= len(identifiers),
            FORGETTING,
        )
    finally:
        await asyncio.to_thread(nft.load, namespace, f"delete table inet {TABLE}\n", RULES)


def _identifiers(listed: Iterable[dict[str, Any]], association: Association) -> list[dict[str, str]]:
    ikes = [ike for event in listed for ike in event.values() if ike.get("state") == "ESTABLISHED"]
    if association is Association.IKE:
        found = [{"ike-id": ike["uniqueid"]} for ike in ikes]
    else:
        children = [child for ike in ikes for child in ike.get("child-sas", {}).values()]
        found = [{"child-id": child["uniqueid"]} for child in children]
    if not found:
        raise InputError("there is no association to delete", hint="`mseelab show tunnels` shows its state")
    return found


def _unsaid(namespace: NetworkNamespace) -> int:
    """How many messages were kept back."""
    result = run_in(namespace, ["nft", "list", "counter", "inet", TABLE, "unsaid"])
    found = re.search(r"packets (\d+)", result.output)
    return int(found[1]) if found else 0
