"""Azure regions: their communities, and the ways to write them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.model.regions import PUBLIC_CLOUD, region, regions, unknown_region


@pytest.mark.parametrize(("name", "microsoft", "private", "geopolitical"), [
    ("West US 2", "12076:51026", "12076:50026", "North America"),
    ("West Europe", "12076:51002", "12076:50002", "Europe"),
    ("East US", "12076:51004", "12076:50004", "North America"),
    ("UK West", "12076:51025", "12076:50025", "Europe"),
    ("New Zealand North", "12076:51059", "12076:50059", "Oceania"),
    ("US Gov Virginia", "12076:51105", "12076:50105", "US Government cloud"),
    ("Italy North", None, None, "Europe"),
])  # fmt: skip
def test_what_is_documented_of_a_region(
    name: str, microsoft: str | None, private: str | None, geopolitical: str | None
) -> None:
    found = region(name)
    assert found is not None
    assert (found.microsoft_community, found.private_community) == (microsoft, private)
    assert found.geopolitical == geopolitical


@pytest.mark.parametrize("name", ["West US 2", "westus2", "West US2", "WESTUS2", "west us 2"])
def test_a_region_is_found_however_it_is_written(name: str) -> None:
    found = region(name)
    assert found is not None
    assert found.name == "West US 2"


def test_the_words_in_the_other_order_are_the_same_region() -> None:
    assert region("India Central") == region("Central India") == region("centralindia")


@pytest.mark.parametrize("name", ["", "Seattle", "West US 22", "12076"])
def test_what_is_no_region(name: str) -> None:
    assert region(name) is None


def test_an_unknown_region_gets_the_nearest_as_a_hint() -> None:
    finding = unknown_region(("location",), "West-US-2")
    assert finding.hint == "did you mean West US 2?"


def test_names_and_suffixes_are_unique() -> None:
    suffixes = [each.suffix for each in regions() if each.suffix is not None]
    assert len(set(suffixes)) == len(suffixes)
    assert len({each.name for each in regions()}) == len(regions())


def test_the_table_is_not_read_before_it_is_needed() -> None:
    code = "import lab.model.load; from lab.model.data import table; print(table.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


@pytest.mark.parametrize(("name", "cloud"), [
    ("West US 2", PUBLIC_CLOUD), ("US DoD East", "US Government"), ("China North 3", "China"),
])  # fmt: skip
def test_a_region_is_in_one_cloud(name: str, cloud: str) -> None:
    found = region(name)
    assert found is not None
    assert found.cloud == cloud
