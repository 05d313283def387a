"""Which containers a plan wants, and what they may do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.model.load import load_topology
from lab.model.shipped import find_topology
from lab.plan.compile import compile_topology
from lab.runtime.docker.containers import (
    CHARON_LOG,
    FOLDER,
    INSIDE,
    LAB,
    LIFELINE,
    NODE,
    TUN,
    containers,
    labels,
    lifeline,
)
from lab.runtime.docker.images import BASE, EXABGP, STRONGSWAN
from lab.runtime.rundir import RunFolder

PLAN = compile_topology(load_topology(find_topology("expressroute-vpn")))
RUN = RunFolder(Path("/run/mseelab/mine"))
FOUND = containers(PLAN, RUN, tun=True)


def test_each_namespace_and_each_end_of_a_tunnel_is_one_container() -> None:
    wanted = [each.name for each in PLAN.namespaces] + [end.own_namespace for end in PLAN.tunnels]
    assert sorted(each.namespace for each in FOUND) == sorted(wanted)
    assert len({each.name for each in FOUND}) == len(FOUND)


def test_the_engine_takes_their_names() -> None:
    for container in FOUND:
        assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", container.name), container.name


def test_each_has_the_image_of_its_daemon_and_shares_its_own_folder_only() -> None:
    images = {each.namespace: each.image for each in FOUND}
    assert {name for name, image in images.items() if image == EXABGP} == {s.namespace for s in PLAN.speakers}
    assert {name for name, image in images.items() if image == STRONGSWAN} == {
        end.own_namespace for end in PLAN.tunnels
    }
    assert set(images.values()) == {BASE, EXABGP, STRONGSWAN}
    sources = [source for each in FOUND for target, source in each.mounts.items() if target != LIFELINE]
    assert len(sources) == len(set(sources))
    assert all(
        Path(source).parent.parent == RUN.path or Path(source).parent == RUN.logs for source in sources
    )


@pytest.mark.parametrize("container", FOUND, ids=lambda container: container.namespace)
def test_none_has_more_than_it_needs(container: object) -> None:
    options = container.host_options()  # type: ignore[attr-defined]
    assert options["network_mode"] == "none"
    assert options["cap_drop"] == ["ALL"]
    assert set(options["cap_add"]) <= {"NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"}
    assert options["read_only"] is True
    assert options["security_opt"] == ["no-new-privileges"]
    assert 0 < options["mem_limit"] == options["memswap_limit"]
    assert options["pids_limit"] > 0
    assert "privileged" not in options
    assert not [bind for bind in options["binds"] if "docker" in bind]


def test_only_charon_has_the_device_that_makes_others_and_only_where_the_host_has_it() -> None:
    assert {each.image for each in FOUND if each.devices} == {STRONGSWAN}
    assert {device for each in FOUND for device in each.devices} == {TUN}
    assert not [each for each in containers(PLAN, RUN, tun=False) if each.devices]


def test_charon_finds_its_settings_and_writes_to_a_log_of_the_labs() -> None:
    charon = next(each for each in FOUND if each.image == STRONGSWAN)
    assert charon.mounts[INSIDE] == str(RUN.tunnel(charon.namespace))
    assert charon.mounts[CHARON_LOG] == str(RUN.log(f"charon.{charon.namespace}"))


def test_what_would_run_on_without_a_supervisor_hears_of_its_end() -> None:
    """A speaker's zygote has a socket to it."""
    deaf = {each.image for each in FOUND if each.mounts.get(LIFELINE) != str(lifeline(RUN))}
    assert deaf == {EXABGP}


def test_labels_say_whose_a_container_is() -> None:
    container = next(each for each in FOUND if each.namespace == "msee1/private")
    said = labels(container, PLAN, RUN)
    assert (said[LAB], said[FOLDER], said[NODE]) == ("expressroute-vpn", "/run/mseelab/mine", "msee1/private")
