"""The picture as text for other tools to draw: Mermaid and Graphviz's DOT.

Both say what the SVG says, nodes in their groups, wires, tunnels and BGP sessions, and leave the
layout to the tool. Node names may hold anything, so Mermaid gets numbered identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lab.cli.picture.facts import Card, Domain, Facts, Session, node_of
from lab.cli.picture.style import SESSION_COLOURS
from lab.plan.types import Plan

_NOT_PLAIN = re.compile(r"[^\w .:/+-]")


@dataclass
class Group:
    """Cards by where they stand, outermost first."""

    title: str
    cards: list[Card] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)


def mermaid(plan: Plan) -> str:
    """A flowchart; GitHub draws it in a fenced block of the language `mermaid`."""
    facts = Facts(plan)
    cards = facts.cards()
    names = {card.node.name: f"n{i}" for i, card in enumerate(cards)}
    lines = ["flowchart LR", *_mermaid_group(_grouped(cards), names, "g", "  ")]
    lines += [f"  {names[node_of(link.a)]} --- {names[node_of(link.b)]}" for link in facts.links()]
    for tunnel in facts.tunnels():
        lines.append(f'  {names[node_of(tunnel.a)]} == "IPsec" === {names[node_of(tunnel.b)]}')
    for session in facts.sessions():
        a, b = names[node_of(session.a)], names[node_of(session.b)]
        lines.append(f'  {a} -. "{_session_words(session)}" .- {b}')
    return "\n".join(lines) + "\n"


def dot(plan: Plan) -> str:
    """An undirected graph for `dot -T svg`."""
    facts = Facts(plan)
    lines = [f"graph {_quoted(plan.name)} {{", "  rankdir=LR", '  node [shape=box fontname="Helvetica"]']
    lines += _dot_group(_grouped(facts.cards()), "cluster", "  ")
    lines += [f"  {_quoted(node_of(link.a))} -- {_quoted(node_of(link.b))}" for link in facts.links()]
    for tunnel in facts.tunnels():
        ends = f"{_quoted(node_of(tunnel.a))} -- {_quoted(node_of(tunnel.b))}"
        lines.append(
            f'  {ends} [label="IPsec" penwidth=5 color="{SESSION_COLOURS[Domain.VPN]}55" constraint=false]'
        )
    for session in facts.sessions():
        ends = f"{_quoted(node_of(session.a))} -- {_quoted(node_of(session.b))}"
        look = f'color="{SESSION_COLOURS[session.domain]}" style={"dotted" if session.internal else "bold"}'
        lines.append(f"  {ends} [label={_quoted(_session_words(session))} {look} constraint=false]")
    return "\n".join([*lines, "}"]) + "\n"


def _grouped(cards: Sequence[Card]) -> Group:
    root = Group("")
    for card in cards:
        group = root
        for word in card.node.group:
            group = group.groups.setdefault(word, Group(word))
        group.cards.append(card)
    return root


def _session_words(session: Session) -> str:
    words = ["iBGP" if session.internal else "eBGP"]
    if session.domain is not Domain.OTHER:
        words.append(session.domain.value)
    return " ".join([*words, "IPv6"] if session.ipv6 else words)


def _words(card: Card) -> list[str]:
    return [card.node.name, card.role, *card.facts]


def _mermaid_group(group: Group, names: dict[str, str], key: str, indent: str) -> Iterator[str]:
    for card in group.cards:
        label = "<br/>".join(_escaped(word) for word in _words(card))
        yield f'{indent}{names[card.node.name]}["{label}"]'
    for i, inner in enumerate(group.groups.values()):
        yield f'{indent}subgraph {key}_{i}["{_escaped(inner.title)}"]'
        yield from _mermaid_group(inner, names, f"{key}_{i}", indent + "  ")
        yield f"{indent}end"


def _escaped(text: str) -> str:
    """Mermaid's entity codes for whatever could mean something to it."""
    return _NOT_PLAIN.sub(lambda match: f"#{ord(match[0])};", text)


def _dot_group(group: Group, key: str, indent: str) -> Iterator[str]:
    for card in group.cards:
        label = "\\n".join(_quoted(word)[1:-1] for word in _words(card))
        yield f'{indent}{_quoted(card.node.name)} [label="{label}"]'
    for i, inner in enumerate(group.groups.values()):
        yield f"{indent}subgraph {key}_{i} {{"
        yield f"{indent}  label={_quoted(inner.title)}"
        yield from _dot_group(inner, f"{key}_{i}", indent + "  ")
        yield f"{indent}}}"


def _quoted(text: str) -> str:
    """A DOT string: only the quote and, because DOT reads escapes in labels, the backslash."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "") + '"'
