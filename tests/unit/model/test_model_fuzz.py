"""Whatever a file holds, `validate` ends soon, with 0 or 2, and has a sentence for everything."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_builders import Changes, changed

from lab.cli import run
from lab.model.checks import RULES

TOPOLOGIES = Path(__file__).parents[3] / "scenarios" / "topologies"
REFERENCE = (TOPOLOGIES / "expressroute-vpn.yaml").read_text()
KEY = "0f2b5d1c-6c5e-4a37-9d0e-3a1f6f0c2b11"
SELDOM_USED: Changes = {
    "express_route_circuits.0.authorizations": [{"name": "dr", "authorization_key": KEY}],
    "connections.0.authorization_key": KEY,
    "route_filters.0.is_authorized_to_use": True,
    "virtual_networks.0.bgp_communities": {"virtual_network_community": "12076:20001"},
    "virtual_network_gateways.0.sku": "ErGwScale",
    "virtual_network_gateways.0.auto_scale_configuration": {"bounds": {"min": 2, "max": 4}},
}
DATA = [
    *(yaml.safe_load(file.read_text()) for file in sorted(TOPOLOGIES.glob("*.yaml"))),
    changed(SELDOM_USED),
]


def bounded(examples: int) -> settings:
    """So many files, the same in every run; none of them may take five seconds."""
    return settings(
        max_examples=examples,
        deadline=5000,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


SNIPPETS = st.sampled_from(
    ["\t", "\n", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "'", '"', "#", "!", "!!int ", "%", "@",
     "|", ">", "? ", "---\n", "...\n", "\0", "\ufeff", "\\", "é", "\u2028", "name: ", "null", "true", "1e9",
     ".nan", "12:30", "waived_rules: [A-5]\n"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
        ["core", "vnet-corp", "10.0.0.0/8", "10.0.0.1", "::/0", "255.255.255.255/32", "0.0.0.0/0",
         "65535:65535", "12076:5010", "er-seattle", "MicrosoftPeering", "2001:db8::1/126", "", "Local",
         "Premium", "Amsterdam", "Dallas Metro", "West Europe", "China North", "ErGwScale", "Disabled",
         0, 1, 32, 128, 65515, 65535, 4294967295]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "rules", "zone", "", "peerings", "\u0000"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
WAIVERS = st.lists(
    st.sampled_from([rule.name for rule in RULES]) | st.sampled_from(["A-0", "a-5", "A5", "", "RULE A-5"])
    | st.text(max_size=5) | st.none() | st.integers(),
    max_size=6,
)  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "topology.yaml"


def check(file: Path, content: bytes) -> int:
    """The exit code; every problem has a sentence of ours, and whatever was waived is no error."""
    file.write_bytes(content)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["validate", str(file), "-f", "json"])
    assert err.getvalue() == ""
    problems = json.loads(out.getvalue())
    assert code == (2 if [problem for problem in problems if problem["severity"] == "error"] else 0)
    unclear = [problem for problem in problems if not problem["message"] or "Input should" in problem["text"]]
    assert unclear == []
    return code


def as_json(tree: Any) -> bytes:
    return json.dumps(tree).encode()


@bounded(400)
@given(st.data())
def test_a_file_with_other_characters_in_it(file: Path, data: st.DataObject) -> None:
    text = REFERENCE
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 40))
        text = text[:start] + data.draw(SNIPPETS | st.text(max_size=5)) + text[end:]
    check(file, text.encode("utf-8", "surrogatepass"))


@bounded(600)
@given(st.data())
def test_a_file_with_other_values_in_it(file: Path, data: st.DataObject) -> None:
    tree = json.loads(json.dumps(data.draw(st.sampled_from(DATA))))
    for _ in range(data.draw(st.integers(1, 4))):
        place, key = pick(tree, data.draw(st.randoms(use_true_random=False)))
        place[key] = data.draw(VALUES)
    check(file, as_json(tree))


@bounded(700)
@given(st.sampled_from(DATA), st.randoms(use_true_random=False), st.integers(1, 6), WAIVERS | st.just([]))
def test_a_file_whose_own_values_are_in_other_places(
    file: Path, topology: Any, choose: random.Random, changes: int, waived: list[Any]
) -> None:
    """Of the right form most often, so that the rules and the compiler are reached."""
    tree = json.loads(json.dumps(topology))
    if waived:
        tree["waived_rules"] = waived
    for _ in range(changes):
        if tree:
            move(tree, choose)
    check(file, as_json(tree))


@bounded(300)
@given(st.sampled_from(DATA), st.randoms(use_true_random=False), st.integers(0, 3))
def test_a_file_that_waives_all_that_can_be(
    file: Path, topology: Any, choose: random.Random, changes: int
) -> None:
    """The rules that are left are enough for the compiler to say what it cannot build."""
    tree = json.loads(json.dumps(topology)) | {"waived_rules": [r.name for r in RULES if r.waivable]}
    for _ in range(changes):
        move(tree, choose)
    code = check(file, as_json(tree))
    assert changes or code == 0


def move(tree: Any, choose: random.Random) -> None:
    """One value is another one's of its name, a number is a neighbour, an entry is gone or there twice."""
    place, key = pick(tree, choose)
    value = place[key]
    if isinstance(place, list) and choose.random() < 0.5:
        place.append(json.loads(json.dumps(value)))
    elif choose.random() < 0.15:
        del place[key]
    elif isinstance(value, int) and not isinstance(value, bool):
        place[key] = value + choose.choice((-1, 1))
    elif isinstance(value, bool):
        place[key] = not value
    else:
        others = [other for other in values_of(tree, key) if type(other) is type(value)]
        place[key] = json.loads(json.dumps(choose.choice(others or [value])))


def values_of(tree: Any, key: Any) -> list[Any]:
    """What has that name anywhere in the tree; for list entries, every text of the tree."""
    found = []
    stack = [tree]
    while stack:
        node = stack.pop()
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            if name == key if isinstance(key, str) else isinstance(value, str):
                found.append(value)
            if isinstance(value, dict | list):
                stack.append(value)
    return found


def pick(tree: Any, choose: random.Random) -> tuple[Any, Any]:
    """Some place in a tree: a container and a key of it."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = choose.choice(keys)
        if not isinstance(tree[key], dict | list) or not tree[key] or choose.random() < 0.2:
            return tree, key
        tree = tree[key]


@bounded(200)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_anything_at_all(file: Path, content: str | bytes) -> None:
    check(file, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
