"""A prefix list with denies, as the prefixes it permits in the end.

In a prefix list the first matching rule decides; a condition of ``lab.bgp.policy`` only knows
*any of these*. A deny inside a list does not refuse the route either: it makes the policy rule
that uses the list not match, and the next one is asked. So the denies are subtracted here, once,
and what is left permits exactly what the list permits.

All routes a rule can match are a *block*: those inside a prefix with a mask length in a range.
Blocks minus a block are blocks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lab.bgp.policy import PrefixMatch
from lab.bgp.route import Prefix
from lab.model.onprem import PrefixList, PrefixListRule


class Block(NamedTuple):
    """The prefixes inside ``prefix`` whose mask length is in this range, both ends included."""

    prefix: Prefix
    shortest: int
    longest: int


def permitted(prefix_list: PrefixList) -> tuple[PrefixMatch, ...]:
    """What the list permits; empty when it permits nothing."""
    denied: list[Block] = []
    found: list[Block] = []
    for rule in prefix_list.rules:
        block = _block(rule)
        if rule.action == "deny":
            denied.append(block)
        else:
            found += _minus([block], denied)
    return tuple(_match(block) for block in dict.fromkeys(found) if block.shortest <= block.longest)


def _block(rule: PrefixListRule) -> Block:
    own, longest = rule.prefix.prefixlen, rule.prefix.max_prefixlen
    if rule.ge is None:
        return Block(rule.prefix, own, own if rule.le is None else rule.le)
    return Block(rule.prefix, max(own, rule.ge), longest if rule.le is None else rule.le)


def _match(block: Block) -> PrefixMatch:
    own = block.prefix.prefixlen
    if block.shortest == block.longest == own:
        return PrefixMatch(block.prefix)
    return PrefixMatch(block.prefix, None if block.shortest == own else block.shortest, block.longest)


def _minus(blocks: list[Block], denied: Iterable[Block]) -> list[Block]:
    for gone in denied:
        blocks = [left for block in blocks for left in _without(block, gone) if left.shortest <= left.longest]
    return blocks


def _without(block: Block, gone: Block) -> Iterator[Block]:
    """What is left of ``block``."""
    if block.prefix.version != gone.prefix.version or not block.prefix.overlaps(gone.prefix):
        yield block
    elif gone.prefix.prefixlen <= block.prefix.prefixlen:
        yield from _other_lengths(block, gone)
    else:
        yield from _around(block, gone.prefix)
        inner = max(block.shortest, gone.prefix.prefixlen)
        yield from _other_lengths(Block(gone.prefix, inner, block.longest), gone)


def _other_lengths(block: Block, gone: Block) -> Iterator[Block]:
    """The block lies inside ``gone``'s prefix: only lengths outside its range stay."""
    yield Block(block.prefix, block.shortest, min(block.longest, gone.shortest - 1))
    yield Block(block.prefix, max(block.shortest, gone.longest + 1), block.longest)


def _around(block: Block, hole: Prefix) -> Iterator[Block]:
    """The block's routes that are not inside ``hole``: on the way down from the block's prefix to
    the hole, each prefix that still holds it, and each half that does not."""
    while hole.prefixlen > block.prefix.prefixlen:
        parent = hole.supernet()
        for half in parent.subnets():
            if half != hole:
                yield Block(half, max(block.shortest, half.prefixlen), block.longest)
        length = parent.prefixlen
        yield Block(parent, max(block.shortest, length), min(block.longest, length))
        hole = parent
