"""Import and export policy: ordered rules, by value (RFC 4271 section 9.1.1, RFC 8212).

The first rule whose match holds decides. Every verdict names the rule, so that the lab
can always answer *why*.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.bgp.route import Asn, Community, Prefix


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

    ``remove_private_as`` drops 64512-65534 and 4200000000-4294967294 (RFC 6996) from the
    path, before ``prepend`` is put in front (nearest first). ``remove_communities`` takes
    all away before ``add_communities``.
    """

    local_pref: int | None = None
    med: int | None = None
    prepend: tuple[Asn, ...] = ()
    add_communities: frozenset[Community] = frozenset()
    remove_communities: bool = False
    remove_private_as: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    accept: bool
    match: Match = Match()
    apply: Apply = Apply()


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in order; what none of them matches is refused, as RFC 8212 asks."""

    name: str
    rules: tuple[Rule, ...]


ACCEPT_ALL = Policy("accept-all", (Rule("accept-all", accept=True),))
REJECT_ALL = Policy("reject-all", ())
