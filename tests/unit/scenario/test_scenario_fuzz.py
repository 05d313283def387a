"""Whatever a scenario file holds, the loader ends soon and raises nothing but ScenarioError."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenario_builders import HERE, SHIPPED, scenario_text

from lab.model.load import load_document
from lab.model.problem import Problem
from lab.scenario.load import parse_scenario
from lab.scenario.stage import ScenarioError
from lab.scenario.step import KINDS

EVERY_KIND = scenario_text(
    "- {say: s, session: {node: ce1/core, neighbor: msee1/private}}",
    "- {say: s, no_session: {node: ce1/core, neighbor: msee1/private, last_error: '(2,2)', holds_for: hold}}",
    "- {say: s, tunnel: {node: vpn1, peer: vpngw-secure-0, esp: AES_GCM_16/256, local: [0.0.0.0/0],"
    " packets_in: 1}}",
    "- {say: s, no_tunnel: {node: vpngw-secure-1, peer: conn-secure-1, problem: '13801', holds_for: retry}}",
    "- {say: s, route: {node: ce1/core, prefix: 10.17.0.0/16, peer: msee1/private, as_path: [12076],"
    " next_hop: 192.168.100.130, communities: [], local_preference: 100, best: true, because: external,"
    " candidates: 1}}",
    "- {say: s, no_route: {node: ce1/core, prefix: 10.2.0.0/24, or_longer: true, holds_for: keepalive}}",
    "- {say: s, fib: {node: core1, prefix: 10.17.0.0/16, next_hops: [10.1.255.1, 10.1.255.2]}}",
    "- {say: s, no_fib: {node: core1, prefix: 10.2.0.0/24, holds_for: keepalive}}",
    "- {say: s, prefixes: {node: ce1/core, neighbor: msee1/private, received: 1, accepted: 1}}",
    "- {say: s, arp: {node: ce1/core, address: 192.168.100.130}}",
    "- {say: s, no_arp: {node: ce1/core, address: 192.168.100.131, holds_for: keepalive}}",
    "- {say: s, reach: {source: app1, destination: 10.17.1.4, protocol: tcp, port: 443, size: 1400}}",
    "- {say: s, no_reach: {source: app1, destination: 203.0.113.110, holds_for: restart, lost: forward}}",
    "- {say: s, spread: {source: app1, destination: 10.17.1.4, over: ['ce1/core:er100'], flows: 8}}",
    "- {say: s, wire: {interface: 'pe1:to-msee1', source: app1, destination: 10.17.1.4,"
    " shows: {protocol: icmp, tags: [8, 100]}}}",
    "- {say: s, no_wire: {interface: 'pe1:to-msee1', source: app1, destination: 203.0.113.110,"
    " shows: {source: 10.0.0.0/8}, holds_for: keepalive}}",
    "- {say: s, transfer: {source: app1, destination: 10.17.1.4, port: 443, ports: 2, bytes: 9, mss: 1250}}",
    "- {say: s, no_transfer: {source: app1, destination: 10.17.1.4, connects: true, holds_for: hold}}",
    "- {say: s, originate: {node: core1, prefixes: [10.99.0.0/24], as_path: [65001], communities: ['1:2'],"
    " series: {first: 10.100.0.0/24, count: 3}}}",
    "- {say: s, withdraw: {node: core1, prefixes: [10.99.0.0/24]}}",
    "- {say: s, change: {route_filters: {rf-west-us-2: {rules: {allow-west-us-2:"
    " {communities: ['12076:51004']}}}}}}",
    "- {say: s, session: {node: ce1/core, neighbor: msee1/private}}",
    patch="{express_route_circuits: {er-seattle: {stag: null}}, virtual_machines: {vm-secure: null}}",
)
SEEDS = [EVERY_KIND, *(path.read_text(encoding="utf-8") for path in SHIPPED)]
TREES: list[Any] = [yaml.safe_load(text) for text in SEEDS]

BOUNDED = settings(
    max_examples=500,
    deadline=10_000,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
HALF = settings(BOUNDED, max_examples=250)
MORE = settings(BOUNDED, max_examples=1300)
"""Where a file mostly ends at its shape, soon."""
FEWER = settings(BOUNDED, max_examples=120)
"""For files that get as far as being compiled, several times."""
SNIPPETS = st.sampled_from(
    ["\t", "\n", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "'", '"', "#", "!", "!!int ", "%", "@",
     "|", "? ", "---\n", "\0", "\ufeff", "\\", "é", "say: ", "null", "~", "true", "1e9", "12:30", "/", "-"]
)  # fmt: skip
NAMES = st.sampled_from(
    [*KINDS, "say", "name", "steps", "patch", "topology", "node", "prefix", "series", "holds_for", "shows",
     "express_route_circuits", "er-seattle", "peerings", "MicrosoftPeering", "on_premises", "timers",
     "", "\0"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
        ["ce1/core", "ce1", "core1:core", "msee1/private", "10.17.0.0/16", "10.17.1.4", "::/0", "2001:db8::1",
         "0.0.0.0/0", "255.255.255.255/32", "12076:51026", "keepalive", "expressroute-basic", "/", "..",
         "/dev", "/dev/zero", "topologies/expressroute-vpn.yaml", "a\0b.yaml", "x" * 300, "x" * 300 + ".yaml",
         "er-seattle", "local", 0, 1, -1, 20000, 20001, 65536, 4294967296]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _topologies_are_read_once() -> Iterator[None]:
    """Patching does not change a document, so that one reading serves all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.scenario.load.load_document", cache(load_document))
        yield


def check(text: str) -> None:
    problems: tuple[Problem, ...] = (Problem("t.yaml", "fine"),)
    try:
        loaded = parse_scenario(text, HERE)
        assert len(loaded.stages) == len(loaded.scenario.steps)
    except ScenarioError as error:
        problems = error.problems
    assert problems
    assert [p for p in problems if not p.what or "Input should" in p.what or "rror," in p.what] == []


@pytest.mark.parametrize("text", SEEDS)
def test_the_seeds_are_scenarios(text: str) -> None:
    assert parse_scenario(text, HERE).scenario.steps


def test_the_seeds_have_every_kind() -> None:
    assert {kind for tree in TREES for step in tree["steps"] for kind in step} == {"say", *KINDS}


@BOUNDED
@given(st.data())
def test_a_file_with_other_characters_in_it(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 40))
        text = text[:start] + data.draw(SNIPPETS | st.text(max_size=5)) + text[end:]
    check(text)


@MORE
@given(st.data())
def test_a_file_with_other_values_in_it(data: st.DataObject) -> None:
    tree = json.loads(json.dumps(data.draw(st.sampled_from(TREES))))
    for _ in range(data.draw(st.integers(1, 3))):
        place, key = pick(tree, data.draw(st.randoms(use_true_random=False)))
        match data.draw(st.integers(0, 3)), place:
            case 0, list():
                place.append(place[key])
            case 0, dict():
                place[data.draw(NAMES)] = place[key]
            case 1, _:
                del place[key]
            case _:
                place[key] = data.draw(VALUES)
    check(json.dumps(tree))


@FEWER
@given(st.data())
def test_a_file_made_of_parts_of_others(data: st.DataObject) -> None:
    """Valid parts in places where they may not fit: what the rules have to find out."""
    trees = [json.loads(json.dumps(data.draw(st.sampled_from(TREES)))) for _ in range(2)]
    first, second = trees
    steps = data.draw(st.permutations([*first["steps"], *second["steps"]]))
    made = {"name": "t", "topology": first["topology"], "patch": second.get("patch", {}), "steps": steps[:8]}
    check(json.dumps(made))


@HALF
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_patch_of_anything(patch: dict[str, Any]) -> None:
    check(json.dumps(TREES[0] | {"patch": patch}))


def pick(tree: Any, choose: random.Random) -> tuple[Any, Any]:
    """Some place in a tree: a container and a key of it."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return {"name": None}, "name"
        key = choose.choice(keys)
        if not isinstance(tree[key], dict | list) or not tree[key] or choose.random() < 0.2:
            return tree, key
        tree = tree[key]


@BOUNDED
@given(st.text(max_size=200))
def test_any_text_at_all(text: str) -> None:
    check(text)
