"""Telling scenarios from all other YAML, without reading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError
from lab.scenario.discover import scenario_files, scenario_name

SCENARIO = "name: a-name\ntopology: expressroute-vpn\nsteps:\n  - say: x\n"


def written(folder: Path, name: str, text: str = SCENARIO) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (SCENARIO, "a-name"),
        (SCENARIO.replace("a-name", '"a-name"  # why'), "a-name"),
        (SCENARIO.replace("\n", "\r\n"), "a-name"),
        ("\ufeff" + SCENARIO, "a-name"),
        (SCENARIO.replace("name: a-name", "name: [not, a, name]"), "file"),
        (SCENARIO.replace("name: a-name\n", ""), "file"),
        (SCENARIO.replace("steps:", "steps :"), "a-name"),
    ],
)
def test_a_scenario_is_known_by_its_name(tmp_path: Path, text: str, name: str) -> None:
    assert scenario_name(written(tmp_path, "file.yaml", text)) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "steps: []\n",
        "trigger: [main]\npool: {vmImage: ubuntu-latest}\nsteps:\n  - script: make\n",
        "runs:\n  steps:\n    - run: make\n  topology: none\n",
        "name: expressroute-vpn\nexpress_route_circuits: []\n",
    ],
)
def test_other_yaml_is_left_alone(tmp_path: Path, text: str) -> None:
    assert scenario_name(written(tmp_path, "file.yaml", text)) is None


def test_what_cannot_be_read_is_no_scenario(tmp_path: Path) -> None:
    assert scenario_name(tmp_path / "none.yaml") is None
    assert scenario_name(tmp_path) is None
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00steps:\x00")
    assert scenario_name(binary) is None
    assert scenario_name(written(tmp_path, "notes.txt")) is None


def test_a_folder_is_all_scenarios_below_it_in_order(tmp_path: Path) -> None:
    second = written(tmp_path, "b/two.yaml")
    first = written(tmp_path, "a/one.yml")
    written(tmp_path, "a/other.yaml", "topology: x\n")
    assert scenario_files([tmp_path]) == [first, second]


def test_a_file_is_taken_as_it_is_and_once(tmp_path: Path) -> None:
    other = written(tmp_path, "other.yaml", "topology: x\n")
    scenario = written(tmp_path, "one.yaml")
    missing = tmp_path / "missing.yaml"
    assert scenario_files([other, missing, tmp_path, scenario]) == [other, missing, scenario]


def test_a_folder_without_scenarios_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scenario below"):
        scenario_files([tmp_path])
