"""Images: what is in them, when they are built, and what a build that fails leaves behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scratch_engine import scratch_engine

from lab.errors import BackendError
from lab.ipsec.charon import PLUGINS
from lab.runtime.docker import building, recipes
from lab.runtime.docker.building import build
from lab.runtime.docker.engine import Engine
from lab.runtime.docker.images import State, look, require
from lab.runtime.docker.recipes import RECIPES, Recipe
from lab.runtime.userspace import Userspace

LARGEST = 200_000_000

SMALL, ABOVE = (f"test-{name}-{os.getpid()}" for name in ("small", "above"))
"""Two runs of these tests may go on at once."""

PYTHON = ["python3", "-c"]


def identities(engine: Engine, recipes_: tuple[Recipe, ...] = RECIPES) -> dict[str, str]:
    return {recipe.name: engine.client.images.get(recipe.reference).id for recipe in recipes_}


def leftovers(engine: Engine) -> set[str]:
    """Containers that are about to be images, and images without a name or a child."""
    containers = engine.client.api.containers(all=True)
    building_ones = {each["Id"] for each in containers if "mseelab.lab" not in each["Labels"]}
    nameless = engine.client.api.images(filters={"dangling": True})
    return building_ones | {each["Id"] for each in nameless}


# What is in them.


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_an_image_is_small_and_says_what_it_is(containers: Engine, recipe: Recipe) -> None:
    found = containers.client.images.get(recipe.reference)
    assert found.attrs["Size"] < LARGEST
    assert found.labels["mseelab.image"] == recipe.name
    assert found.labels["org.opencontainers.image.version"] == recipes.version()
    assert found.labels["org.opencontainers.image.title"] == f"mseelab {recipe.name}"


def ran(engine: Engine, recipe: Recipe, command: list[str], **more: Any) -> str:
    """What a command says in a container as a lab's containers are."""
    said: bytes = engine.client.containers.run(
        recipe.reference,
        command,
        entrypoint=[],
        remove=True,
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        **more,
    )
    return said.decode().strip()


def test_a_host_is_nobody_and_has_no_program_that_makes_it_more(containers: Engine) -> None:
    assert ran(containers, recipes.BASE, ["id", "-u"]) == "65534"
    for recipe in RECIPES:
        find = "find / -xdev -type f -perm /6000 2>/dev/null || true"
        assert ran(containers, recipe, ["sh", "-c", find], user="root") == ""


def test_a_speaker_runs_this_checkouts_agent_without_another_library(containers: Engine) -> None:
    begin = "from lab.agent.bridge import prepare_exabgp; import lab.runtime.zygote; prepare_exabgp()"
    where = "; import lab.bgp.decision as d; print(d.__cached__)"
    compiled = ran(containers, recipes.EXABGP, [*PYTHON, begin + where])
    assert compiled.startswith("/opt/mseelab/lab/bgp/__pycache__/decision.")
    ours = Path(recipes.PACKAGE, "bgp", "decision.py").read_text()
    assert ran(containers, recipes.EXABGP, ["cat", "/opt/mseelab/lab/bgp/decision.py"]) == ours.strip()


def test_a_tunnels_end_has_every_plugin_that_its_settings_name(containers: Engine) -> None:
    listed = ran(containers, recipes.STRONGSWAN, ["ls", "/usr/lib/ipsec/plugins"]).split()
    found = {name.removeprefix("libstrongswan-").removesuffix(".so") for name in listed}
    assert {*PLUGINS, *Userspace.plugins, "socket-default", "vici"} <= found


# When they are built.


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, containers: Engine) -> Iterator[Path]:
    """Recipes that a test may change, for images of names of their own, with the true ones to build
    upon; removed afterwards."""
    monkeypatch.setattr(recipes, "CONTAINERS", tmp_path)
    small = Recipe(SMALL)
    above = Recipe(ABOVE, small)
    for recipe, start in ((small, "DEBIAN"), (above, "BASE")):
        steps = (f"ARG {start}", f"FROM ${{{start}}}", f"LABEL mseelab.image={recipe.name}", "USER root")
        (tmp_path / recipe.name).mkdir()
        (tmp_path / recipe.name / "Dockerfile").write_text("\n".join((*steps, f"RUN touch /{recipe.name}\n")))
    monkeypatch.setattr(building, "RECIPES", (small, above))
    monkeypatch.setattr("lab.runtime.docker.debian.provide", lambda *_args, **_more: recipes.BASE.reference)
    yield tmp_path
    for recipe in (above, small):
        if look(containers, recipe).state is not State.MISSING:
            containers.client.images.remove(recipe.reference, force=True)


def built(engine: Engine) -> list[str]:
    """What was built, in order."""
    said: list[str] = []
    build(engine, said.append)
    return [line.split()[1].split(":")[0].removeprefix("mseelab/") for line in said]


def test_what_has_not_changed_is_not_built_again(others: Path, containers: Engine) -> None:
    assert built(containers) == [SMALL, ABOVE]
    before = identities(containers, building.RECIPES)
    assert built(containers) == []
    assert identities(containers, building.RECIPES) == before


def test_what_has_changed_is_built_again_and_the_old_image_goes(others: Path, containers: Engine) -> None:
    built(containers)
    before, left = identities(containers, building.RECIPES), leftovers(containers)
    (others / ABOVE / "more").write_text("x")
    assert built(containers) == [ABOVE]
    after = identities(containers, building.RECIPES)
    assert [name for name in after if after[name] != before[name]] == [ABOVE]
    assert leftovers(containers) == left


def test_what_builds_upon_a_changed_image_is_built_again(others: Path, containers: Engine) -> None:
    built(containers)
    with (others / SMALL / "Dockerfile").open("a") as file:
        file.write("RUN touch /more\n")
    assert built(containers) == [SMALL, ABOVE]


def test_an_image_of_that_name_from_elsewhere_is_replaced(others: Path, containers: Engine) -> None:
    containers.client.images.get(recipes.BASE.reference).tag(f"mseelab/{SMALL}", recipes.version())
    assert SMALL in built(containers)
    assert look(containers, building.RECIPES[0]).state is State.READY


# A build that fails.


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("RUN echo 'cannot do it' >&2; exit 3", "cannot do it"),
        ("RUN echo 'cp: error writing x: No space left on device' >&2; exit 1", "No space left on device"),
        ("RUN apt-get install -y no-such-package", "Unable to locate package no-such-package"),
        ("COPY missing /", "missing"),
        ("NONSENSE", "NONSENSE"),
    ],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(
    others: Path, containers: Engine, step: str, said: str
) -> None:
    built(containers)
    before, left = identities(containers, building.RECIPES), leftovers(containers)
    with (others / SMALL / "Dockerfile").open("a") as file:
        file.write(f"RUN touch /before\n{step}\n")
    with pytest.raises(BackendError, match=f"building mseelab/{SMALL}") as raised:
        built(containers)
    assert said.lower() in raised.value.message.lower()
    assert leftovers(containers) == left
    assert identities(containers, building.RECIPES) == before


def test_a_full_disk_is_named_and_nothing_is_left_on_it(
    others: Path, containers: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is an engine's of our own, with room for the image to build upon and little more."""
    base = containers.client.images.get(recipes.BASE.reference)
    with scratch_engine("200m", monkeypatch) as small:
        small.client.images.load(b"".join(base.save(named=True)))
        (others / SMALL / "Dockerfile").write_text(
            f"ARG DEBIAN\nFROM ${{DEBIAN}}\nLABEL {recipes.LABEL}=x\nUSER root\n"
            "RUN touch /before\nRUN head -c 300M /dev/zero > /large\n"
        )
        left = leftovers(small)
        with pytest.raises(BackendError, match=f"building mseelab/{SMALL}.*[Nn]o space left") as raised:
            build(small, lambda _: None)
        assert f"the disk of {small.facts.root_dir} is full" in (raised.value.hint or "")
        assert leftovers(small) == left
        assert look(small, building.RECIPES[0]).state is State.MISSING


def test_images_of_another_version_are_refused(containers: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    require(containers)
    monkeypatch.setattr(recipes, "version", lambda: "0.0.0")
    with pytest.raises(BackendError, match=r"mseelab/base:0\.0\.0 is missing"):
        require(containers)
