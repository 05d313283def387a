"""Whatever a file holds, the loader ends soon and raises nothing but TopologyError."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.model.load import parse_topology
from lab.model.problem import Problem, TopologyError

REFERENCE = (Path(__file__).parents[3] / "scenarios" / "topologies" / "expressroute-vpn.yaml").read_text()
DATA = yaml.safe_load(REFERENCE)

BOUNDED = settings(
    max_examples=120,
    deadline=2000,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
SNIPPETS = st.sampled_from(
    ["\t", "\n", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "'", '"', "#", "!", "!!int ", "%", "@",
     "|", ">", "? ", "---\n", "...\n", "\0", "\ufeff", "\\", "é", "\u2028", "name: ", "null", "true", "1e9",
     ".nan", "12:30"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
        ["core", "vnet-corp", "10.0.0.0/8", "10.0.0.1", "::/0", "255.255.255.255/32", "0.0.0.0/0",
         "65535:65535", "er-seattle", "MicrosoftPeering", "2001:db8::1/126", "",
         0, 1, 32, 128, 65535, 4294967295]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "rules", "zone", "", "peerings", "\u0000"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def check(text: str) -> None:
    problems: tuple[Problem, ...] = (Problem("t.yaml", "fine"),)
    try:
        parse_topology(text, "t.yaml")
    except TopologyError as error:
        problems = error.problems
    assert problems
    assert [p for p in problems if not p.what or "Input should" in p.what or "Value error" in p.what] == []


@BOUNDED
@given(st.data())
def test_a_file_with_other_characters_in_it(data: st.DataObject) -> None:
    text = REFERENCE
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 40))
        text = text[:start] + data.draw(SNIPPETS | st.text(max_size=5)) + text[end:]
    check(text)


@BOUNDED
@given(st.data())
def test_a_file_with_other_values_in_it(data: st.DataObject) -> None:
    tree = json.loads(json.dumps(DATA))
    for _ in range(data.draw(st.integers(1, 4))):
        place, key = pick(tree, data.draw(st.randoms(use_true_random=False)))
        if data.draw(st.booleans()) and isinstance(place, list):
            place.append(place[key])
        else:
            place[key] = data.draw(VALUES)
    check(json.dumps(tree))


def pick(tree: Any, choose: random.Random) -> tuple[Any, Any]:
    """Some place in a tree: a container and a key of it."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = choose.choice(keys)
        if not isinstance(tree[key], dict | list) or not tree[key] or choose.random() < 0.2:
            return tree, key
        tree = tree[key]


@BOUNDED
@given(st.text(max_size=200))
def test_any_text_at_all(text: str) -> None:
    check(text)
