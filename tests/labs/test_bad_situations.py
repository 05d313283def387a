"""A user's mistakes and a host's poverty: a clear message, the right code, nothing left."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from isolated import with_small_disk, without_tools, without_user_namespaces
from lab_client import eventually, marked_processes, mseelab, new_mark

TOPOLOGY = "expressroute-basic"
SHIPPED = Path(__file__).parents[2] / "scenarios" / "topologies"


def _said(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_wrong_topology_ends_with_2_and_says_where(tmp_path: Path) -> None:
    text = (SHIPPED / f"{TOPOLOGY}.yaml").read_text().replace("vlan_id:", "vlan:", 1)
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    mark = new_mark()
    done = mseelab("up", str(file), mark=mark)
    _said(done, 2, "wrong.yaml:", "vlan", "vlan_id")
    eventually("nothing is left", lambda: not marked_processes(mark))


def test_an_unknown_topology_lists_the_known_ones() -> None:
    _said(mseelab("up", "no-such-topology"), 2, "expressroute-vpn", "expressroute-basic")


def test_a_name_that_cannot_be_one_is_refused() -> None:
    _said(mseelab("up", TOPOLOGY, "--name", "../escape"), 2, "cannot name a lab")


def test_a_kernel_without_user_namespaces_ends_with_3(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = without_user_namespaces("up", TOPOLOGY, folder=tmp_path)
    _said(done, 3, "user namespace", "max_user_namespaces")
    assert not list((tmp_path / "mseelab").glob("*"))


def test_a_missing_package_ends_with_3_and_names_the_remedy() -> None:
    _said(without_tools("up", TOPOLOGY), 3, "nft is not installed", "make setup")


@pytest.mark.parametrize("options", ["nr_inodes=1", "nr_inodes=4", "nr_inodes=7", "size=4k", "size=8k"])
def test_a_full_disk_ends_with_3(options: str) -> None:
    done = with_small_disk(options, "up", TOPOLOGY)
    _said(done, 3)
    assert "No space left" in done.stderr, done.stderr


def test_a_foreign_run_folder_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root's run folder is /run/mseelab whatever XDG_RUNTIME_DIR says")
    (tmp_path / "mseelab").mkdir()
    (tmp_path / "mseelab").chmod(0o777)
    _said(mseelab("list", XDG_RUNTIME_DIR=str(tmp_path)), 3, "XDG_RUNTIME_DIR")
