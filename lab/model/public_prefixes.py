"""Which prefixes can be somebody's on the public Internet (``lab/data/special_prefixes.yaml``)."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network

from lab.model.data import table
from lab.model.prefixes import AnyNetwork, inside


def not_public(prefix: AnyNetwork) -> str | None:
    """What the prefix is, or a part of it, when it is not public; None when it is."""
    if prefix.prefixlen == 0:
        return "it is the default route"
    for special, purpose in _special():
        if inside(prefix, [special]):
            return f"it is for {purpose}"
        if inside(special, [prefix]):
            return f"{special} in it is for {purpose}"
    return None


def private_use(version: int) -> tuple[AnyNetwork, ...]:
    """RFC 1918 or, in IPv6, RFC 4193."""
    return tuple(
        prefix for prefix, purpose in _special() if prefix.version == version and purpose == "private use"
    )


@cache
def _special() -> tuple[tuple[AnyNetwork, str], ...]:
    return tuple((ip_network(row["prefix"]), row["purpose"]) for row in table("special_prefixes"))
