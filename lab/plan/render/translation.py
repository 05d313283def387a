"""Address translation as an nftables ruleset: one to one, without state.

It needs nothing of a kernel but rewriting of addresses, which nftables follows up in the checksums.
What enters is rewritten before routing and filters, what leaves after them: both see inside addresses.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.plan.types import Translation

TABLE = "mseelab-translation"


def render_translations(translations: Iterable[Translation]) -> str:
    """Text for ``nft -f``: those of one namespace; loading it again replaces the table."""
    known = tuple(translations)
    entering = [
        f'iifname "{one.ifname}" ip daddr {one.outside} ip daddr set {one.inside} counter' for one in known
    ]
    leaving = [
        f'oifname "{one.ifname}" ip saddr {one.inside} ip saddr set {one.outside} counter' for one in known
    ]
    lines = [
        f"table ip {TABLE}",
        f"delete table ip {TABLE}",
        f"table ip {TABLE} {{",
        "    chain entering {",
        "        type filter hook prerouting priority raw; policy accept;",
        *(f"        {rule}" for rule in entering),
        "    }",
        "    chain leaving {",
        "        type filter hook postrouting priority srcnat; policy accept;",
        *(f"        {rule}" for rule in leaving),
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"
