"""A packet filter as an nftables ruleset: the forward chain of one namespace.

Every rule of the plan becomes one or two of nftables', with the plan's comment and a counter: a
rule with prefixes holds for the IP versions that both its sources and its destinations have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from lab.bgp.route import Prefix
from lab.plan.types import FilterRule, PacketFilter

TABLE = "mseelab"
CHAIN = "forward"

_LONGEST_COMMENT = 128
"""Bytes nftables keeps of a comment (NFTNL_UDATA_COMMENT_MAXLEN)."""

_KEYWORD = {4: "ip", 6: "ip6"}


def render_filter(packet_filter: PacketFilter) -> str:
    """Text for ``nft -f``; loading it again replaces the table."""
    rules = [line for rule in packet_filter.rules for line in render_rule(rule)]
    lines = [
        f"table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        f"    chain {CHAIN} {{",
        f"        type filter hook forward priority filter; policy {packet_filter.default.value};",
        *(f"        {rule}" for rule in rules),
        f"        counter comment {_quoted('default')}",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def render_rule(rule: FilterRule) -> Iterator[str]:
    """The rule's lines in the chain; none when its addresses fit no packet."""
    for addresses in _addresses(rule.sources, rule.destinations):
        parts = [*_interfaces(rule), *addresses, *_protocol(rule)]
        if rule.established:
            parts.append("ct state established,related")
        yield " ".join([*parts, "counter", rule.action.value, "comment", _quoted(rule.comment)])


def _interfaces(rule: FilterRule) -> Iterator[str]:
    for keyword, interfaces in (("iifname", rule.in_interfaces), ("oifname", rule.out_interfaces)):
        if interfaces:
            yield f"{keyword} {_one_of(map(_quoted, interfaces))}"


def _addresses(sources: tuple[Prefix, ...], destinations: tuple[Prefix, ...]) -> Iterator[tuple[str, ...]]:
    """The address conditions per IP version; one empty set of them when there are none."""
    if not sources and not destinations:
        yield ()
        return
    for version, keyword in _KEYWORD.items():
        sides = (("saddr", sources), ("daddr", destinations))
        fitting = [(side, [one for one in given if one.version == version]) for side, given in sides if given]
        if all(prefixes for _, prefixes in fitting):
            yield tuple(f"{keyword} {side} {_networks(prefixes)}" for side, prefixes in fitting)


def _protocol(rule: FilterRule) -> Iterator[str]:
    if rule.protocol == "icmp":
        yield "meta l4proto { icmp, icmpv6 }"
    elif rule.protocol is not None:
        yield f"meta l4proto {rule.protocol}"
    elif rule.destination_ports:
        yield "meta l4proto { tcp, udp }"
    if rule.destination_ports:
        yield f"th dport {_ports(rule.destination_ports)}"


def _networks(prefixes: list[Prefix]) -> str:
    """A set of networks; nftables refuses one that lies inside another."""
    ipv4 = [prefix for prefix in prefixes if isinstance(prefix, IPv4Network)]
    ipv6 = [prefix for prefix in prefixes if isinstance(prefix, IPv6Network)]
    return _one_of(map(str, (*collapse_addresses(ipv4), *collapse_addresses(ipv6))))


def _ports(ranges: Iterable[tuple[int, int]]) -> str:
    """A set of ports, with what overlaps joined, for the same reason."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return _one_of(str(low) if low == high else f"{low}-{high}" for low, high in joined)


def _one_of(values: Iterable[str]) -> str:
    known = list(values)
    return known[0] if len(known) == 1 else f"{{ {', '.join(known)} }}"


def _quoted(text: str) -> str:
    """nftables strings know no escapes: what would end one is left out."""
    cleaned = "".join(char for char in text if char.isprintable() and char != '"')
    return '"' + cleaned.encode()[: _LONGEST_COMMENT - 1].decode(errors="ignore") + '"'
