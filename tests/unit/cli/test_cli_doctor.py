"""What the doctor concludes from what it finds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli import run
from lab.cli.doctor import FIXES, NEEDED_BY_PLANE, Check, judge
from lab.errors import BackendError
from lab.runtime.capability import ATTEMPTS


def kernel(*, dot1q: bool = True, vxlan: bool = True, nft: bool = True) -> list[Check]:
    return [
        Check("802.1Q", dot1q, False, "tags", None if dot1q else "Operation not supported"),
        Check("vxlan", vxlan, False, "tags"),
        Check("nftables", nft, True, "filters"),
    ]


def test_the_first_choice_for_tags_is_what_hardware_does() -> None:
    verdict = judge(kernel())
    assert (verdict["can_run"], verdict["tagging"]) == (True, "802.1Q")


def test_without_vlans_tags_are_vxlan_and_the_reason_is_told() -> None:
    verdict = judge(kernel(dot1q=False))
    assert (verdict["can_run"], verdict["tagging"]) == (True, "VXLAN")
    assert verdict["tagging_reason"] == "802.1Q: Operation not supported"


def test_without_any_tags_no_lab_can_run() -> None:
    verdict = judge(kernel(dot1q=False, vxlan=False))
    assert (verdict["can_run"], verdict["tagging"]) == (False, None)


def test_what_every_lab_needs_is_missed() -> None:
    verdict = judge(kernel(nft=False))
    assert (verdict["can_run"], verdict["missing"]) == (False, ["nftables"])


def test_what_some_labs_need_is_not() -> None:
    assert judge([*kernel(), Check("netem", False, False, "delay")])["can_run"]


def ipsec(*missing: str) -> list[Check]:
    names = {name for needed in NEEDED_BY_PLANE.values() for name in needed}
    return [*kernel(), *(Check(name, name not in missing, False, "x") for name in sorted(names))]


def test_the_kernel_carries_tunnels_where_it_can() -> None:
    assert judge(ipsec())["dataplane"] == "kernel"
    assert judge(ipsec("tun", "strongswan-kernel-libipsec"))["dataplane"] == "kernel"


@pytest.mark.parametrize("lacking", ["xfrm-interface", "esp-aes-gcm", "esp-aes-cbc"])
def test_tunnels_are_carried_in_userspace_where_the_kernel_lacks_something(lacking: str) -> None:
    verdict = judge(ipsec(lacking))
    assert (verdict["dataplane"], lacking in verdict["dataplane_reason"]) == ("userspace", True)


@pytest.mark.parametrize("missing", [("charon-systemd",), ("strongswan-openssl",), ("esp-aes-gcm", "tun")])
def test_without_a_data_plane_a_lab_can_run_all_the_same(missing: tuple[str, ...]) -> None:
    verdict = judge(ipsec(*missing))
    assert (verdict["can_run"], verdict["dataplane"]) == (True, None)
    assert all(name in verdict["dataplane_reason"] for name in missing)


def test_there_is_advice_for_all_that_is_tried() -> None:
    assert {name for name, *_ in ATTEMPTS} == set(FIXES)


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise BackendError("the kernel refuses namespaces", hint="run it elsewhere")

    monkeypatch.setattr("lab.runtime.capability.probe_all", refuse)


@pytest.mark.usefixtures("no_namespaces")
def test_where_no_lab_can_run_the_exit_code_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "-f", "json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["can_run"] is False
    assert "namespaces" in found["missing"]
    (check,) = [check for check in found["checks"] if check["name"] == "namespaces"]
    assert (check["works"], check["found"], check["fix"]) == (
        False,
        "the kernel refuses namespaces",
        "run it elsewhere",
    )


@pytest.mark.usefixtures("no_namespaces")
def test_what_is_missing_is_listed_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 3
    text = capsys.readouterr().out
    assert "namespaces (needed): run it elsewhere" in text
    assert text.splitlines()[-1].startswith("No lab can run here: ")


def test_a_lab_can_run_in_containers_with_an_engine_and_images() -> None:
    engine = Check("docker", True, False, "labs in containers", "Docker 20.10.24 at unix:///run/docker.sock")
    lacking = Check(
        "images", False, False, "labs in containers", "mseelab/base:1 is missing", "`make images`"
    )
    with_all = judge([*kernel(), engine, replace(lacking, works=True)])
    assert (with_all["containers"], with_all["containers_reason"]) == (True, engine.found)
    without_images = judge([*kernel(), engine, lacking])
    assert (without_images["containers"], without_images["containers_reason"]) == (False, lacking.found)
    nothing = judge([*kernel(), replace(engine, works=False, found="there is no Docker engine")])
    assert (nothing["containers"], nothing["can_run"]) == (False, True)
    assert nothing["containers_reason"] == "there is no Docker engine"


@pytest.mark.usefixtures("no_namespaces")
def test_an_engine_that_is_not_there_is_listed_with_its_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    run(["doctor", "-f", "json"])
    found = json.loads(capsys.readouterr().out)
    (check,) = [check for check in found["checks"] if check["name"] == "docker"]
    assert (check["works"], check["needed"]) == (False, False)
    assert f"at unix://{tmp_path}/none.sock" in check["found"]
    assert "docker" in check["fix"]
