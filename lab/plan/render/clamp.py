"""The MSS clamp of tunnels as an nftables ruleset, beside the namespace's packet filter.

TCP between hosts behind a tunnel agrees on segments that fit it, in both directions, whatever the
hosts' own links carry.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.plan.tunnels import TunnelEnd

TABLE = "mseelab-tunnels"


def render_clamp(ends: Iterable[TunnelEnd]) -> str:
    """Text for ``nft -f``; loading it again replaces the table."""
    rules = [
        f'{keyword} "{end.ifname}" tcp flags syn tcp option maxseg size > {end.mss} '
        f"tcp option maxseg size set {end.mss}"
        for end in ends
        for keyword in ("iifname", "oifname")
    ]
    lines = [
        f"table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        "    chain forward {",
        "        type filter hook forward priority mangle; policy accept;",
        *(f"        {rule}" for rule in rules),
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"
