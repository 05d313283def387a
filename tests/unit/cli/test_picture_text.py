"""The picture as Mermaid and DOT text."""

from __future__ import annotations

import pytest
from test_picture_plans import Sketch, line, odd, reference

from lab.cli.picture_text import dot, mermaid
from lab.model.load import load_topology
from lab.model.shipped import find_topology
from lab.plan.compile import compile_topology
from lab.plan.types import Plan, Role


def pair() -> Plan:
    sketch = Sketch("pair")
    sketch.node("ce1", Role.EDGE_ROUTER, "on-premises", "seattle", vrfs=("core",), asn=65010)
    sketch.node("msee1", Role.MSEE, "microsoft", "Seattle", vrfs=("private",), asn=12076)
    sketch.wire("ce1", "msee1", trunk=True)
    sketch.session("ce1/core", "msee1/private")
    return sketch.plan()


def test_mermaid_says_groups_nodes_wires_and_sessions() -> None:
    assert (
        mermaid(pair())
        == """\
flowchart LR
  subgraph g_0["on-premises"]
    subgraph g_0_0["seattle"]
      n0["ce1<br/>customer edge<br/>AS 65010"]
    end
  end
  subgraph g_1["microsoft"]
    subgraph g_1_0["Seattle"]
      n1["msee1<br/>MSEE<br/>AS 12076"]
    end
  end
  n0 --- n1
  n0 -. "eBGP private" .- n1
"""
    )


def test_dot_says_the_same() -> None:
    assert (
        dot(pair())
        == """\
graph "pair" {
  rankdir=LR
  node [shape=box fontname="Helvetica"]
  subgraph cluster_0 {
    label="on-premises"
    subgraph cluster_0_0 {
      label="seattle"
      "ce1" [label="ce1\\ncustomer edge\\nAS 65010"]
    }
  }
  subgraph cluster_1 {
    label="microsoft"
    subgraph cluster_1_0 {
      label="Seattle"
      "msee1" [label="msee1\\nMSEE\\nAS 12076"]
    }
  }
  "ce1" -- "msee1"
  "ce1" -- "msee1" [label="eBGP private" color="#1763d6" style=bold constraint=false]
}
"""
    )


@pytest.mark.parametrize("plan", [reference(), line()], ids=lambda plan: plan.name)
def test_every_node_wire_and_session_is_there(plan: Plan) -> None:
    sessions = sum(len(speaker.config.neighbors) for speaker in plan.speakers) // 2
    lines = mermaid(plan).splitlines()
    assert sum('["' in line and "subgraph" not in line for line in lines) == len(plan.nodes)
    assert sum(" --- " in line for line in lines) == len(plan.wires)
    assert sum(" .- " in line for line in lines) == sessions
    lines = dot(plan).splitlines()
    assert sum(" -- " in line for line in lines) == len(plan.wires) + sessions


def test_tunnels_are_there() -> None:
    plan = compile_topology(load_topology(find_topology("expressroute-vpn")))
    assert sum('== "IPsec" ===' in line for line in mermaid(plan).splitlines()) == 2
    assert '"vpngw-secure-0" -- "vpn1" [label="IPsec"' in dot(plan)


def test_odd_names_are_escaped() -> None:
    assert "#60;#38;#62;#34;#39;" in mermaid(odd())
    assert '"<&>\\"\'"' in dot(odd())
