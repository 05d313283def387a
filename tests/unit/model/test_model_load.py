"""Files to topologies: the shipped ones load, what is no file says so, nothing is hidden or leaked."""

from __future__ import annotations

import os
from ipaddress import IPv4Interface, IPv4Network, IPv6Network
from pathlib import Path

import pytest
from pydantic import ValidationError

from lab.errors import InputError
from lab.model.circuit import Peering
from lab.model.identity import service_key_of
from lab.model.load import load_topology, parse_topology
from lab.model.onprem import Attachment
from lab.model.problem import Problem, TopologyError
from lab.model.topology import Topology

TOPOLOGIES = Path(__file__).parents[3] / "scenarios" / "topologies"
SHIPPED = [pytest.param(file, id=file.stem) for file in sorted(TOPOLOGIES.glob("*.yaml"))]
REFERENCE = TOPOLOGIES / "expressroute-vpn.yaml"


def problem_of(path: Path) -> str:
    with pytest.raises(TopologyError) as raised:
        load_topology(path)
    (problem,) = raised.value.problems
    return str(problem).replace(str(path), "FILE")


@pytest.mark.parametrize("file", SHIPPED)
def test_every_shipped_topology_loads(file: Path) -> None:
    assert load_topology(file).name == file.stem


def test_values_arrive_as_what_they_are() -> None:
    circuit = load_topology(REFERENCE).express_route_circuits[0]
    assert circuit.peerings[0].primary_peer_address_prefix == IPv4Network("192.168.100.128/30")
    assert circuit.peerings[0].microsoft_peering_config is None


def test_an_unquoted_community_is_not_a_time_of_day() -> None:
    text = REFERENCE.read_text().replace('["12076:51026"]', "[12076:51026]")
    assert text != REFERENCE.read_text()
    assert parse_topology(text, "t").route_filters == load_topology(REFERENCE).route_filters


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + REFERENCE.read_bytes().replace(b"\n", b"\r\n"))
    assert load_topology(file) == load_topology(REFERENCE)


def test_no_such_file(tmp_path: Path) -> None:
    hint = "see scenarios/topologies/ for the shipped ones"
    assert problem_of(tmp_path / "t.yaml") == f"FILE: there is no such file\n  hint: {hint}"


def test_a_directory(tmp_path: Path) -> None:
    assert problem_of(tmp_path) == "FILE: is a directory\n  hint: name a topology file in it"


def test_a_file_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("name: x")
    assert problem_of(tmp_path / "t.yaml" / "u.yaml") == "FILE: cannot be read: Not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").touch(mode=0o000)
    assert problem_of(tmp_path / "t.yaml").startswith("FILE: may not be read\n  hint: ")


def test_a_name_that_is_no_file_name() -> None:
    assert problem_of(Path("a\0b")) == "FILE: is not a file name"


def test_bytes_that_are_not_utf_8_are_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_bytes("name: x\n# é ".encode() + b"\xff\n")
    assert problem_of(tmp_path / "t.yaml") == "FILE:2:5: not UTF-8\n  hint: save the file as UTF-8"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert problem_of(tmp_path / "t.yaml") == "FILE: larger than 4 MiB\n  hint: is this a topology?"


def test_problems_of_yaml_and_of_shape_come_together_in_the_files_order() -> None:
    with pytest.raises(TopologyError) as raised:
        parse_topology("timers: fast\nname: lab\nname: lab\nzones: []\n", "t.yaml")
    assert [(problem.line, problem.path) for problem in raised.value.problems] == [
        (1, "timers"),
        (3, "name"),
        (4, "zones"),
    ]


def test_problems_of_yaml_and_of_meaning_come_together() -> None:
    text = "name: lab\nname: lab\nconnections: [{name: c, virtual_network_gateway1: g, peer: p}]\n"
    with pytest.raises(TopologyError) as raised:
        parse_topology(text, "t.yaml")
    assert [problem.rule for problem in raised.value.problems] == [None, "N-12", "N-12"]


def test_the_error_is_the_users_and_ends_in_exit_code_2() -> None:
    error = TopologyError([Problem("t.yaml", "wrong", "right", 3, 5, "name")])
    assert isinstance(error, InputError)
    assert error.exit_code == 2
    assert str(error) == error.message == "t.yaml:3:5: name: wrong\n  hint: right"


@pytest.mark.parametrize(
    "key", ["12345678901234567890123456", "{hunter2: x, hunter2: y}", "[hunter2]", "4711", "true", "''"]
)
def test_a_key_is_in_no_message_and_no_traceback(key: str) -> None:
    old = "        vlan_id: 100\n"
    text = REFERENCE.read_text().replace(old, f"{old}        shared_key: {key}\n", 1)
    with pytest.raises(TopologyError) as raised:
        parse_topology(text, "t.yaml")
    shown = f"{raised.value} {raised.value.problems!r} {raised.getrepr(style='short', chain=True)}"
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    assert not any(secret in shown for secret in ("hunter2", "4711", "123456789"))


def test_a_topology_does_not_show_its_keys() -> None:
    old = "        vlan_id: 100\n"
    text = REFERENCE.read_text().replace(old, f"{old}        shared_key: hunter2\n", 1)
    topology = parse_topology(text, "t.yaml")
    assert "hunter2" not in f"{topology} {topology!r} {topology.model_dump_json()}"


def test_a_service_key_is_stable_and_its_own() -> None:
    topology = load_topology(REFERENCE)
    circuit = topology.express_route_circuits[0]
    key = service_key_of(topology, circuit)
    assert str(key) == str(service_key_of(load_topology(REFERENCE), circuit))
    assert key.version == 5
    others = (
        service_key_of(topology.model_copy(update={"name": "other"}), circuit),
        service_key_of(topology, circuit.model_copy(update={"name": "other"})),
    )
    assert len({key, *others}) == 3


def test_a_service_key_that_is_given_is_kept() -> None:
    text = REFERENCE.read_text()
    given = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    topology = parse_topology(text.replace("    stag: 8\n", f"    service_key: {given}\n"), "t.yaml")
    assert str(service_key_of(topology, topology.express_route_circuits[0])) == given


@pytest.mark.parametrize("file", SHIPPED)
def test_a_topology_can_be_made_of_values_as_well_as_of_text(file: Path) -> None:
    topology = load_topology(file)
    assert Topology.model_validate(topology.model_dump()) == topology
    as_json = topology.model_dump(mode="json")
    assert Topology.model_validate(as_json).model_dump(mode="json") == as_json


def test_the_types_of_addresses_hold_for_values_too() -> None:
    circuit = load_topology(REFERENCE).express_route_circuits[0].peerings[0].model_dump()
    with pytest.raises(ValidationError, match="'2001:db8::/126' is not an IPv4 network"):
        Peering.model_validate(circuit | {"primary_peer_address_prefix": IPv6Network("2001:db8::/126")})
    attachment = {"circuit": "c", "peering_type": "MicrosoftPeering", "path": "primary", "zone": "z"}
    address = IPv4Interface("192.0.2.1/30")
    assert Attachment.model_validate(attachment | {"address": address}).address == address
