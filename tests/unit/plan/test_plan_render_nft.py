"""Packet filters as nftables rulesets; where nft may be run, it judges them itself."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import ip_network

import pytest
from plan_builders import FILES, compiled

from lab.plan.render.nft import render_filter, render_rule
from lab.plan.types import FilterAction, FilterRule, PacketFilter


def rule(**conditions):
    for side in ("sources", "destinations"):
        conditions[side] = tuple(map(ip_network, conditions.get(side, ())))
    return FilterRule(FilterAction.ACCEPT, conditions.pop("comment", "why"), **conditions)


END = 'counter accept comment "why"'


RULES = [
    ({}, [END]),
    ({"established": True}, [f"ct state established,related {END}"]),
    ({"in_interfaces": ("er200",)}, [f'iifname "er200" {END}']),
    ({"out_interfaces": ("a", "b")}, [f'oifname {{ "a", "b" }} {END}']),
    ({"sources": ["10.0.0.0/8"]}, [f"ip saddr 10.0.0.0/8 {END}"]),
    ({"destinations": ["fd00::/8"]}, [f"ip6 daddr fd00::/8 {END}"]),
    (
        {"sources": ["10.0.0.0/8", "fd00::/8"], "destinations": ["192.0.2.0/24", "2001:db8::/32"]},
        [
            f"ip saddr 10.0.0.0/8 ip daddr 192.0.2.0/24 {END}",
            f"ip6 saddr fd00::/8 ip6 daddr 2001:db8::/32 {END}",
        ],
    ),
    # Nothing is both from an IPv4 source and to an IPv6 destination.
    ({"sources": ["10.0.0.0/8"], "destinations": ["fd00::/8"]}, []),
    # nftables refuses sets whose members overlap.
    (
        {"sources": ["10.1.0.0/16", "10.0.0.0/8", "192.0.2.0/24"]},
        [f"ip saddr {{ 10.0.0.0/8, 192.0.2.0/24 }} {END}"],
    ),
    ({"protocol": "icmp"}, [f"meta l4proto {{ icmp, icmpv6 }} {END}"]),
    ({"protocol": "esp"}, [f"meta l4proto esp {END}"]),
    (
        {"protocol": "udp", "destination_ports": ((500, 500), (4500, 4500))},
        [f"meta l4proto udp th dport {{ 500, 4500 }} {END}"],
    ),
    (
        {"protocol": "tcp", "destination_ports": ((8000, 8100),)},
        [f"meta l4proto tcp th dport 8000-8100 {END}"],
    ),
    (
        {"protocol": "tcp", "destination_ports": ((80, 80), (79, 90), (91, 91))},
        [f"meta l4proto tcp th dport 79-91 {END}"],
    ),
    ({"destination_ports": ((53, 53),)}, [f"meta l4proto {{ tcp, udp }} th dport 53 {END}"]),
]


@pytest.mark.parametrize(("conditions", "lines"), RULES)
def test_a_rule_is_one_line_per_address_family_it_can_match(conditions, lines):
    assert list(render_rule(rule(**conditions))) == lines


def test_a_comment_cannot_end_its_own_string():
    (line,) = render_rule(rule(comment='a "quoted"\nword; ' + "é" * 200))
    comment = line.partition("comment ")[2]
    assert comment.count('"') == 2
    assert len(comment.encode()) <= 129
    assert comment.startswith('"a quotedword; é')


def test_the_chain_counts_what_it_leaves_to_its_default():
    text = render_filter(PacketFilter("fw1", (rule(),)))
    assert "type filter hook forward priority filter; policy drop;" in text
    assert text.splitlines()[-3].strip() == 'counter comment "default"'


def refusal(text: str) -> str:
    """What nft has against the ruleset; nothing when it takes it."""
    result = subprocess.run(["nft", "-c", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def missing_capability() -> str | None:
    if shutil.which("nft") is None:
        return "nft is not installed (package nftables)"
    said = refusal("table inet mseelab {\n}\n")
    return f"nft may not ask the kernel here: {said.strip()}" if said else None


MISSING = missing_capability()
asks_nft = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@asks_nft
@pytest.mark.parametrize("name", FILES)
def test_nft_accepts_every_filter_of_a_plan(name):
    for found in compiled(name).filters:
        assert refusal(render_filter(found)) == ""


@asks_nft
def test_nft_accepts_every_condition_and_any_comment():
    comments = ['a "quoted"\nword; ' + "é" * 200, "{ drop }", "#", "$x", "back\\slash"]
    rules = [rule(**conditions) for conditions, _ in RULES] + [rule(comment=text) for text in comments]
    text = render_filter(PacketFilter("fw1", tuple(rules)))
    assert refusal(text) == ""
    assert refusal(text.replace("saddr", "saddrx")) != ""
