"""Import and export policy: ordered rules, by value (RFC 4271 section 9.1.1, RFC 8212).

The first rule whose match holds decides. Every verdict names the rule, so that the lab
can always answer *why*.

A circuit carries 10,000 prefixes in a few UPDATEs with equal attributes, and a policy may
list thousands of prefixes. ``CompiledPolicy`` therefore asks two questions apart, each
answered by a set of rules (bit n for rule n): which rules agree with the prefix, looked up
by mask length, and which agree with the attributes, asked once per UPDATE. The lowest bit
in both sets is the rule that decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.bgp.route import Asn, Community, PathAttributes, Prefix, Route


@dataclass(frozen=True, slots=True)
class PrefixMatch:
    """``prefix`` itself, or, with ``ge``/``le``, what lies inside it with a mask length in
    that range, as in a router's prefix list. Without ``ge``, ``le`` counts from the
    prefix's own length; without ``le``, ``ge`` reaches to the longest mask."""

    prefix: Prefix
    ge: int | None = None
    le: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """All conditions that are given must hold; an empty one is no condition.

    ``prefixes``: any of them. ``communities``: at least one in common. ``as_path_contains``:
    at least one of these ranges (inclusive) holds an AS of the path. ``peers``: learned from
    one of these neighbours (``LOCAL`` for own routes).
    """

    prefixes: tuple[PrefixMatch, ...] = ()
    communities: frozenset[Community] = frozenset()
    as_path_contains: tuple[tuple[Asn, Asn], ...] = ()
    peers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Apply:
    """Changes to a route that was accepted. None and empty change nothing.

    ``weight`` ranks the route in this speaker's own decisions and is no path attribute: it means
    something in an import policy only.
    ``remove_private_as`` drops 64512-65534 and 4200000000-4294967294 (RFC 6996) from the
    path, before ``prepend`` is put in front (nearest first). ``remove_communities`` takes
    all away before ``add_communities``.
    """

    weight: int | None = None
    local_pref: int | None = None
    med: int | None = None
    prepend: tuple[Asn, ...] = ()
    add_communities: frozenset[Community] = frozenset()
    remove_communities: bool = False
    remove_private_as: bool = False


NO_CHANGE = Apply()


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    accept: bool
    match: Match = Match()
    apply: Apply = NO_CHANGE


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in order; what none of them matches is refused, as RFC 8212 asks."""

    name: str
    rules: tuple[Rule, ...]


ACCEPT_ALL = Policy("accept-all", (Rule("accept-all", accept=True),))
REJECT_ALL = Policy("reject-all", ())

NO_RULE_MATCHED = "no rule matched"
PRIVATE_AS_RANGES = ((64512, 65534), (4200000000, 4294967294))  # RFC 6996 section 5

RuleSet = int
"""A set of rules: bit n stands for the policy's rule n."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy made of a route. ``rule`` is the name of the rule that decided, or
    ``NO_RULE_MATCHED``; ``attributes`` and ``weight`` are changed only when it was accepted."""

    accepted: bool
    policy: str
    rule: str
    attributes: PathAttributes
    weight: int = 0


def evaluate(policy: Policy, route: Route) -> Verdict:
    """One route, one answer. For many routes keep a ``CompiledPolicy``."""
    compiled = CompiledPolicy(policy)
    rules = compiled.matching_prefix(route.prefix) & compiled.matching_path(route.attributes, route.peer)
    return compiled.verdict(rules, route.attributes)


class CompiledPolicy:
    """A policy made ready for many routes; see the module's docstring."""

    def __init__(self, policy: Policy) -> None:
        self.name = policy.name
        self._rules = policy.rules
        self._any_prefix: RuleSet = 0
        self._tables: dict[int, dict[int, _PrefixTable]] = {4: {}, 6: {}}
        for index, rule in enumerate(policy.rules):
            if not rule.match.prefixes:
                self._any_prefix |= 1 << index
            for match in rule.match.prefixes:
                self._add(match, 1 << index)

    def _add(self, match: PrefixMatch, rule: RuleSet) -> None:
        prefix = match.prefix
        shift = prefix.max_prefixlen - prefix.prefixlen
        table = self._tables[prefix.version].setdefault(shift, {})
        network = int(prefix.network_address) >> shift
        table.setdefault(network, []).append((*mask_range(match), rule))

    def matching_prefix(self, prefix: Prefix) -> RuleSet:
        """The rules whose prefix conditions hold, or that have none."""
        rules = self._any_prefix
        tables = self._tables[prefix.version]
        if not tables:
            return rules
        network, length = int(prefix.network_address), prefix.prefixlen
        for shift, table in tables.items():
            for shortest, longest, rule in table.get(network >> shift, ()):
                if shortest <= length <= longest:
                    rules |= rule
        return rules

    def matching_path(self, attributes: PathAttributes, peer: str) -> RuleSet:
        """The rules whose other conditions hold for a path learned from ``peer``."""
        rules = 0
        for index, rule in enumerate(self._rules):
            if _path_matches(rule.match, attributes, peer):
                rules |= 1 << index
        return rules

    def verdict(self, rules: RuleSet, attributes: PathAttributes) -> Verdict:
        """The first of the matching ``rules`` decides; without one the route is refused."""
        if not rules:
            return Verdict(False, self.name, NO_RULE_MATCHED, attributes)
        rule = self._rules[(rules & -rules).bit_length() - 1]
        unchanged = not rule.accept or rule.apply is NO_CHANGE
        changed = attributes if unchanged else apply(rule.apply, attributes)
        weight = 0 if unchanged else rule.apply.weight or 0
        return Verdict(rule.accept, self.name, rule.name, changed, weight)


_PrefixTable = dict[int, list[tuple[int, int, RuleSet]]]  # network bits -> (shortest, longest, rule)


def mask_range(match: PrefixMatch) -> tuple[int, int]:
    """The shortest and the longest mask that ``match`` lets through."""
    own, longest = match.prefix.prefixlen, match.prefix.max_prefixlen
    if match.ge is None:
        return own, own if match.le is None else match.le
    return max(own, match.ge), longest if match.le is None else match.le


def _path_matches(match: Match, attributes: PathAttributes, peer: str) -> bool:
    if match.peers and peer not in match.peers:
        return False
    if match.communities and match.communities.isdisjoint(attributes.communities):
        return False
    return not match.as_path_contains or any(
        low <= asn <= high for low, high in match.as_path_contains for asn in attributes.as_path
    )


def is_private_as(asn: Asn) -> bool:
    """RFC 6996; 65535 and 4294967295 are reserved by RFC 7300 instead."""
    return any(low <= asn <= high for low, high in PRIVATE_AS_RANGES)


def apply(change: Apply, attributes: PathAttributes) -> PathAttributes:
    """The attributes of an accepted route after its rule."""
    as_path = attributes.as_path
    if change.remove_private_as:
        as_path = tuple(asn for asn in as_path if not is_private_as(asn))
    kept: frozenset[Community] = frozenset() if change.remove_communities else attributes.communities
    return PathAttributes(  # dataclasses.replace takes four times as long
        next_hop=attributes.next_hop,
        as_path=change.prepend + as_path,
        origin=attributes.origin,
        local_pref=attributes.local_pref if change.local_pref is None else change.local_pref,
        med=attributes.med if change.med is None else change.med,
        communities=kept | change.add_communities,
    )
