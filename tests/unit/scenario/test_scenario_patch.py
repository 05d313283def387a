"""Patches: what merges, what replaces, what is removed, and that every value knows its file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_builders import ROOT

from lab.model.document import Document, Mapping, Node, Scalar, Sequence
from lab.model.reader import read_document
from lab.scenario.patch import document_of, patched

REFERENCE = ROOT / "scenarios" / "topologies" / "expressroute-vpn.yaml"
TOPOLOGY = read_document(REFERENCE.read_text(encoding="utf-8"), "topology.yaml")[0].root
QUICK = settings(max_examples=150, deadline=2000, database=None, derandomize=True)


def plain(node: Node) -> Any:
    return Document("", node).plain()


def tree(value: object, source: str = "patch.yaml") -> Node:
    return read_document(json.dumps(value), source)[0].root


def after(patch: object, base: Node = TOPOLOGY) -> Any:
    return plain(patched(base, tree(patch))[0])


def notes(patch: object) -> list[tuple[tuple[str | int, ...], str]]:
    return [(finding.loc, finding.what) for finding in patched(TOPOLOGY, tree(patch))[1].findings]


def circuit(**properties: object) -> dict[str, object]:
    return {"express_route_circuits": {"er-seattle": properties}}


@pytest.mark.parametrize(("target", "patch", "result"), [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
])  # fmt: skip
def test_mappings_merge_as_in_rfc_7396_appendix_a(target: object, patch: object, result: object) -> None:
    assert plain(patched(document_of(target, "a").root, document_of(patch, "b").root)[0]) == result


def test_an_entry_of_a_list_is_found_by_its_name() -> None:
    changed = after(circuit(stag=9, peerings={"MicrosoftPeering": {"vlan_id": 300}}))
    expected = plain(TOPOLOGY)
    expected["express_route_circuits"][0]["stag"] = 9
    expected["express_route_circuits"][0]["peerings"][1]["vlan_id"] = 300
    assert changed == expected


def test_an_unknown_name_begins_an_entry_at_the_end() -> None:
    rules = {"allow": {"communities": ["12076:51004"]}}
    filters = after({"route_filters": {"rf-east-us": {"rules": rules}}})["route_filters"]
    assert [each["name"] for each in filters] == ["rf-west-us-2", "rf-east-us"]
    assert filters[1]["rules"] == [{"name": "allow", "communities": ["12076:51004"]}]


def test_a_list_that_is_not_there_is_begun() -> None:
    key = "0f2b5d1c-6c5e-4a37-9d0e-3a1f6f0c2b11"
    changed = after(circuit(authorizations={"dr": {"authorization_key": key}}))
    expected = [{"name": "dr", "authorization_key": key}]
    assert changed["express_route_circuits"][0]["authorizations"] == expected


def test_null_removes_an_entry_and_a_property() -> None:
    changed = after({"connections": {"conn-corp": None}} | circuit(stag=None))
    assert [each["name"] for each in changed["connections"]] == ["conn-secure"]
    assert "stag" not in changed["express_route_circuits"][0]


def test_a_list_replaces_a_list() -> None:
    spaces = {"virtual_networks": {"vnet-corp": {"address_space": {"address_prefixes": ["10.9.0.0/16"]}}}}
    assert after(spaces)["virtual_networks"][0]["address_space"] == {"address_prefixes": ["10.9.0.0/16"]}


def test_removing_what_is_not_there_is_told_with_the_closest_name() -> None:
    patch = circuit(peerings={"MicrosoftPeering": {"route_filtr": None}}) | {
        "connections": {"con-corp": None}
    }
    assert notes(patch) == [
        (
            ("express_route_circuits", "er-seattle", "peerings", "MicrosoftPeering", "route_filtr"),
            "there is nothing of that name to remove, did you mean 'route_filter'?",
        ),
        (
            ("connections", "con-corp"),
            "there is nothing of that name to remove, did you mean 'conn-corp'?",
        ),
    ]


def test_an_entry_cannot_be_renamed() -> None:
    patch = {"connections": {"conn-corp": {"name": "other", "routing_weight": 5}}}
    assert [loc for loc, _ in notes(patch)] == [("connections", "conn-corp", "name")]
    assert after(patch)["connections"][0] == {
        "name": "conn-corp",
        "virtual_network_gateway1": "ergw-corp",
        "peer": "er-seattle",
        "routing_weight": 5,
    }


def test_entries_with_one_name_are_not_chosen_from() -> None:
    attachments = after({})["on_premises"][0]["edge_routers"][0]["attachments"]
    twice = tree(plain(TOPOLOGY) | {"on_premises": [{"name": "s", "edge_routers": [
        {"name": "ce1", "attachments": [attachments[0], attachments[0]]}]}]})  # fmt: skip
    way = {"on_premises": {"s": {"edge_routers": {"ce1": {"attachments": {"AzurePrivatePeering": {}}}}}}}
    (finding,) = patched(twice, tree(way))[1].findings
    assert finding.what == "there are 2 entries of that name"


def test_the_closest_name_is_not_looked_for_in_a_key() -> None:
    patch = circuit(peerings={"MicrosoftPeering": {"shared_key": {"hunter2": "x", "hunter3": None}}})
    (finding,) = patched(TOPOLOGY, tree(patch))[1].findings
    assert "hunter" not in finding.what


def test_values_know_the_file_they_come_from() -> None:
    root, _ = patched(TOPOLOGY, tree(circuit(stag=9)))
    document = Document("topology.yaml", root)
    circuit_at = ("express_route_circuits", 0)
    assert document.at((*circuit_at, "stag")).source == "patch.yaml"
    assert document.at((*circuit_at, "location")).source == "topology.yaml"
    assert document.at(circuit_at).source == "patch.yaml"
    assert document.at(("route_filters", 0)).source == "topology.yaml"


# Laws, for all patches.

NAMES = st.sampled_from(["name", "stag", "sku", "er-seattle", "conn-corp", "vnet-corp", "new", "peerings"])
LEAVES = st.none() | st.integers(0, 5) | st.sampled_from(["er-seattle", "x", True])
INSIDE = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
PATCHES = st.dictionaries(st.sampled_from(list(plain(TOPOLOGY))), INSIDE, max_size=4)


def test_an_empty_patch_changes_nothing_at_all() -> None:
    assert patched(TOPOLOGY, tree({}))[0] is TOPOLOGY
    assert after({"express_route_circuits": {"er-seattle": {"sku": {}}}}) == plain(TOPOLOGY)


@QUICK
@given(PATCHES)
def test_twice_is_once(patch: dict[str, object]) -> None:
    once, _ = patched(TOPOLOGY, tree(patch))
    twice, _ = patched(once, tree(patch))
    assert plain(twice) == plain(once)


@QUICK
@given(PATCHES)
def test_what_a_patch_does_not_name_is_the_very_same(patch: dict[str, object]) -> None:
    root, _ = patched(TOPOLOGY, tree(patch))
    assert isinstance(root, Mapping)
    assert isinstance(TOPOLOGY, Mapping)
    for name in TOPOLOGY.entries.keys() - patch.keys():
        assert root.entries[name] is TOPOLOGY.entries[name]


@QUICK
@given(PATCHES)
def test_neither_tree_is_changed(patch: dict[str, object]) -> None:
    over = tree(patch)
    before = plain(TOPOLOGY)
    patched(TOPOLOGY, over)
    assert (plain(TOPOLOGY), plain(over)) == (before, patch)


@QUICK
@given(PATCHES)
def test_every_value_of_the_result_stands_in_one_of_the_files(patch: dict[str, object]) -> None:
    root, _ = patched(TOPOLOGY, tree(patch))
    assert {node.source for node in nodes(root)} <= {"topology.yaml", "patch.yaml"}
    assert all(node.line > 0 for node in nodes(root))


@QUICK
@given(st.text("aZ0 .-/:#é'", max_size=8), INSIDE.filter(lambda value: value is not None))
def test_what_was_added_can_be_removed_again(name: str, value: object) -> None:
    known = plain(TOPOLOGY)
    if name not in known:
        assert after({name: None}, base=patched(TOPOLOGY, tree({name: value}))[0]) == known
    if name not in {each["name"] for each in known["virtual_machines"]} | {""}:
        added = patched(TOPOLOGY, tree({"virtual_machines": {name: value}}))[0]
        assert after({"virtual_machines": {name: None}}, base=added) == known


def nodes(node: Node) -> list[Node]:
    inner: list[Node] = []
    if isinstance(node, Mapping):
        inner = [value for _, value in node.entries.values()]
    elif isinstance(node, Sequence):
        inner = node.items
    return [node, *(found for each in inner for found in nodes(each))]


# Patches that were never in a file.


def test_a_patch_of_python_values_is_as_good_as_one_of_text() -> None:
    patch = circuit(stag=9, peerings={"MicrosoftPeering": {"route_filter": None}})
    assert plain(patched(TOPOLOGY, document_of(patch, "b").root)[0]) == after(patch)


def test_values_that_json_lacks_become_their_text() -> None:
    from ipaddress import IPv4Network

    from lab.model.circuit import SkuTier

    value = {"a": (IPv4Network("10.0.0.0/8"), SkuTier.PREMIUM, 5, None, True)}
    assert plain(document_of(value, "b").root) == {"a": ["10.0.0.0/8", "Premium", 5, None, True]}
    assert isinstance(document_of(5, "b").root, Scalar)
