"""Who may import whom: the arrows point downwards, and this table cannot rot."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "lab"

OPEN = {"errors"}
"""What everybody may import."""

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "timing": set(),
    "netlink": set(),
    "model": set(),
    "bgp": set(),
    "plan": {"model", "bgp"},
    "fault": {"model", "plan"},
    "agent": {"bgp", "netlink", "timing"},
    "ipsec": {"plan"},
    "runtime": {"plan", "bgp", "agent", "ipsec", "fault", "netlink", "timing"},
    "probe": {"plan", "bgp", "runtime", "timing"},
    "scenario": {"model", "plan", "bgp", "fault", "runtime", "probe", "timing"},
    "cli": {"model", "plan", "bgp", "fault", "runtime", "probe", "scenario", "timing"},
    "bench": {"plan", "bgp", "runtime", "timing"},
}
"""Each package and the others it may import."""

PURE = ("model", "plan", "bgp", "fault")
"""No clock, no randomness, no environment, no network."""

IMPURE_MODULES = {
    "time",
    "random",
    "socket",
    "subprocess",
    "asyncio",
    "pyroute2",
    "exabgp",
    "scapy",
    "secrets",
}

ONLY_IN = {
    "exabgp": {"agent"},
    "pyroute2": {"runtime", "probe"},
    "scapy": {"probe"},
    "docker": {"runtime"},
    "cryptography": {"ipsec"},
    "pytest": {"scenario"},
}
"""Libraries and the packages that may know them."""


def modules(unit: str) -> list[Path]:
    single = PACKAGE / f"{unit}.py"
    return [single] if single.exists() else sorted((PACKAGE / unit).rglob("*.py"))


def imported(module: Path) -> set[str]:
    """Every dotted name the module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_units(module: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(module) if name.startswith("lab.")}


@pytest.mark.parametrize("unit", ALLOWED)
def test_imports_only_downwards(unit: str) -> None:
    for module in modules(unit):
        extra = imported_units(module) - ALLOWED[unit] - OPEN - {unit}
        assert not extra, f"{module.relative_to(PACKAGE.parent)} imports {sorted(extra)}"


def test_the_table_covers_the_package_and_has_no_cycle() -> None:
    on_disk = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert on_disk - {"__init__", "__main__", "__pycache__", "data"} == set(ALLOWED)
    TopologicalSorter(ALLOWED).prepare()


@pytest.mark.parametrize("unit", PURE)
def test_pure_packages_touch_nothing(unit: str) -> None:
    for module in modules(unit):
        impure = {name.split(".")[0] for name in imported(module)} & IMPURE_MODULES
        assert not impure, f"{module.relative_to(PACKAGE.parent)} imports {sorted(impure)}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_known_in_its_place_only(library: str) -> None:
    for unit in ALLOWED:
        if unit in ONLY_IN[library]:
            continue
        for module in modules(unit):
            names = {name.split(".")[0] for name in imported(module)}
            assert library not in names, f"{module.relative_to(PACKAGE.parent)} imports {library}"
