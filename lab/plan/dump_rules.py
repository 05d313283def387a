"""Rules of packet filters and of policies, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.bgp.policy import Apply, Match, Policy, PrefixMatch, Rule
from lab.bgp.route import format_community
from lab.plan.types import FilterRule


def describe_filter_rule(rule: FilterRule) -> str:
    """Action, conditions, and the comment last."""
    return " ".join([rule.action.value, *_filter_conditions(rule), f'"{rule.comment}"'])


def _filter_conditions(rule: FilterRule) -> Iterator[str]:
    lists = (
        ("in", rule.in_interfaces),
        ("out", rule.out_interfaces),
        ("from", rule.sources),
        ("to", rule.destinations),
        ("ports", [_range(*ports) for ports in rule.destination_ports]),
    )
    if rule.established:
        yield "established"
    if rule.protocol is not None:
        yield f"protocol={rule.protocol}"
    yield from (f"{name}={_list(values)}" for name, values in lists if values)


def describe_policy(policy: Policy) -> Iterator[str]:
    """A line per rule, numbered; a policy without rules refuses everything."""
    for number, rule in enumerate(policy.rules, start=1):
        yield f"{number} {_rule(rule)}"
    if not policy.rules:
        yield "refuses everything"


def _rule(rule: Rule) -> str:
    action = "accept" if rule.accept else "refuse"
    return " ".join([f'"{rule.name}"', action, *_match(rule.match), *_apply(rule.apply)])


def _match(match: Match) -> Iterator[str]:
    if match.prefixes:
        yield f"prefixes={_list(map(_prefix, match.prefixes))}"
    if match.communities:
        yield f"communities={_list(map(format_community, sorted(match.communities)))}"
    if match.as_path_contains:
        yield f"as-path-contains={_list(_range(low, high) for low, high in match.as_path_contains)}"
    if match.peers:
        yield f"peers={_list(sorted(match.peers))}"


def _apply(apply: Apply) -> Iterator[str]:
    if apply.weight is not None:
        yield f"weight:{apply.weight}"
    if apply.local_pref is not None:
        yield f"local-pref:{apply.local_pref}"
    if apply.med is not None:
        yield f"med:{apply.med}"
    if apply.remove_private_as:
        yield "remove-private-as"
    if apply.prepend:
        yield f"prepend:{_list(apply.prepend)}"
    if apply.remove_communities:
        yield "remove-communities"
    if apply.add_communities:
        yield f"add-communities:{_list(map(format_community, sorted(apply.add_communities)))}"


def _prefix(match: PrefixMatch) -> str:
    ge = "" if match.ge is None else f" ge {match.ge}"
    le = "" if match.le is None else f" le {match.le}"
    return f"{match.prefix}{ge}{le}"


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _list(values: Iterable[object]) -> str:
    return "[" + ", ".join(map(str, values)) + "]"
