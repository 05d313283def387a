"""Every topology of the repository, as the text of its plan. Regenerate with --update-golden."""

from __future__ import annotations

import json

import pytest
from plan_builders import FILES, GOLDEN, compiled, topology

from lab.plan.compile import PASSES, compile_topology
from lab.plan.dump import dump, to_json
from lab.plan.types import Plan


@pytest.mark.parametrize("name", FILES)
def test_plan(name, golden):
    golden(GOLDEN / f"{name}.plan", dump(compiled(name)))


@pytest.mark.parametrize("name", FILES)
def test_the_same_topology_gives_the_same_plan(name):
    again = compile_topology(topology(name))
    assert again == compiled(name)
    assert dump(again) == dump(compiled(name))


@pytest.mark.parametrize("name", FILES)
def test_a_pass_only_adds(name):
    """Facts are never taken back; speakers grow in place."""
    plan = Plan(name)
    for run in PASSES:
        grown = run(topology(name), plan)
        for kind in ("nodes", "namespaces", "wires", "sub_interfaces", "bridges", "addresses"):
            assert getattr(grown, kind)[: len(getattr(plan, kind))] == getattr(plan, kind)
        plan = grown


@pytest.mark.parametrize("name", FILES)
def test_json_is_plain_data_with_a_field_for_every_fact(name):
    data = json.loads(json.dumps(to_json(compiled(name))))
    assert [node["name"] for node in data["nodes"]] == [node.name for node in compiled(name).nodes]
    first = data["speakers"][0]["config"]
    assert first["bgp_identifier"] == "100.127.0.1"
    assert first["neighbors"][0]["import_policy"]["rules"][0]["accept"] is True
    assert data["wires"][0]["trunk"] is False


def test_no_secret_is_in_a_dump():
    keys_of = {
        "ipv6-everywhere": ['blue "sky; 7'],
        "layer3-provider": ["provider-and-azure", "leeds-and-provider"],
    }
    for name, secrets in keys_of.items():
        plan = compiled(name)
        keys = {one.password for speaker in plan.speakers for one in speaker.config.neighbors}
        assert set(secrets) <= keys
        for text in (dump(plan), repr(plan), json.dumps(to_json(plan))):
            assert not any(secret in text or json.dumps(secret)[1:-1] in text for secret in secrets)
        assert "password=***" in dump(plan)


def test_policies_of_one_name_and_different_content_are_told_apart():
    lines = dump(compiled("two-circuits")).splitlines()
    assert any("import=conn-seattle " in line for line in lines)
    assert any(
        'policy conn-seattle 2 "routing-weight-100" accept weight:32769 local-pref:200' in line
        for line in lines
    )
