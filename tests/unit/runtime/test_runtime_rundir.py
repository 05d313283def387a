"""The folders of running labs, and the lock that says whether one runs."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lab.errors import BackendError, InputError
from lab.runtime import rundir
from lab.runtime.claims import claim, running_labs
from lab.runtime.rundir import RunFolder, base_folder, folder_of, short_path


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mseelab"
    monkeypatch.setattr(rundir, "_base_candidate", lambda: folder)
    return folder


class Claims:
    """Claimed folders; closing a lock is what the kernel does when its supervisor ends."""

    def __init__(self) -> None:
        self._locks: dict[str, int] = {}

    def claim(self, name: str) -> RunFolder:
        folder, self._locks[name] = claim(name)
        return folder

    def end(self, name: str) -> None:
        os.close(self._locks.pop(name))

    def end_all(self) -> None:
        for name in list(self._locks):
            self.end(name)


@pytest.fixture
def claims(base: Path) -> Iterator[Claims]:
    made = Claims()
    yield made
    made.end_all()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- where ---


@pytest.mark.parametrize(
    ("uid", "runtime_dir", "expected"),
    [
        (0, None, "/run/mseelab"),
        (0, "/run/user/0", "/run/mseelab"),
        (1000, "/somewhere/else", "/somewhere/else/mseelab"),
        (4123456, None, "/tmp/mseelab-4123456"),
        (4123456, "", "/tmp/mseelab-4123456"),
    ],
    ids=["root", "root with a session", "a user's session", "no session", "an empty variable"],
)
def test_each_user_has_a_place_for_labs(
    monkeypatch: pytest.MonkeyPatch, uid: int, runtime_dir: str | None, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    if runtime_dir is None:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime_dir)
    assert rundir._base_candidate() == Path(expected)


def test_the_place_is_made_for_its_owner_alone(base: Path) -> None:
    assert base_folder() == base
    assert mode(base) == 0o700


@pytest.mark.parametrize("bits", [0o720, 0o702, 0o777])
def test_a_place_where_others_may_write_is_refused(base: Path, bits: int) -> None:
    base.mkdir()
    base.chmod(bits)
    with pytest.raises(BackendError, match="others may write") as refused:
        base_folder()
    assert refused.value.hint
    assert "XDG_RUNTIME_DIR" in refused.value.hint


def test_a_place_that_belongs_to_somebody_else_is_refused(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_folder()
    monkeypatch.setattr(os, "geteuid", lambda: base.stat().st_uid + 1)
    with pytest.raises(BackendError, match="belongs to somebody else"):
        base_folder()


def test_a_place_that_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(rundir, "_base_candidate", lambda: tmp_path / "file" / "mseelab")
    with pytest.raises(BackendError, match="cannot use .*/file/mseelab for running labs"):
        base_folder()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../b", "/etc", "x" * 256])
def test_what_cannot_name_a_lab_is_refused(base: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a lab"):
        folder_of(name)


def test_a_name_of_255_letters_names_a_lab(claims: Claims) -> None:
    assert claims.claim("x" * 255).is_claimed()


def test_a_folder_knows_its_files(base: Path) -> None:
    folder = folder_of("azure")
    assert folder.path == base / "azure"
    assert (folder.name, folder.events.name, folder.topology.name) == (
        "azure",
        "events.jsonl",
        "topology.yaml",
    )
    assert folder.control_socket == base / "azure" / "control.sock"
    assert folder.log("ce1/core") == base / "azure" / "logs" / "ce1.core.log"


# --- claiming ---


def test_a_claimed_folder_is_its_owners_and_has_room_for_logs(claims: Claims) -> None:
    folder = claims.claim("azure")
    assert folder.is_claimed()
    assert mode(folder.path) == mode(folder.path / "logs") == 0o700
    assert [entry.name for entry in folder.path.iterdir()] == ["logs"]


def test_a_second_lab_of_that_name_is_refused_with_a_way_out(claims: Claims) -> None:
    folder = claims.claim("azure")
    folder.events.touch()
    with pytest.raises(InputError, match="azure is already running") as refused:
        claim("azure")
    assert refused.value.hint
    assert "mseelab down --name azure" in refused.value.hint
    assert folder.events.exists()


def test_looking_at_a_lab_claims_nothing(claims: Claims) -> None:
    folder = folder_of("azure")
    assert not folder.is_claimed()
    folder.path.mkdir()
    assert not folder.is_claimed()
    assert claims.claim("azure").is_claimed()
    assert folder.is_claimed()
    assert folder.is_claimed()


def test_a_lab_ends_with_the_last_holder_of_its_lock(claims: Claims) -> None:
    folder, lock = claim("azure")
    inherited = os.dup(lock)
    os.close(lock)
    assert folder.is_claimed()
    os.close(inherited)
    assert not folder.is_claimed()


def test_a_folder_left_over_is_taken_over_empty(claims: Claims) -> None:
    folder = claims.claim("azure")
    folder.events.write_text("old")
    folder.log("ce1").write_text("old")
    (folder.path / "link").symlink_to(folder.path.parent)
    claims.end("azure")
    assert claims.claim("azure").path == folder.path
    assert [entry.name for entry in folder.path.iterdir()] == ["logs"]
    assert list((folder.path / "logs").iterdir()) == []
    assert folder.path.parent.exists()


@pytest.mark.parametrize("moment", ["open", "flock"], ids=["before it is opened", "before it is locked"])
def test_a_folder_removed_in_the_middle_of_a_claim_is_made_again(
    base: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As `mseelab list` does with what it takes for a leftover."""
    module = {"open": os, "flock": fcntl}[moment]
    meant = getattr(module, moment)
    removals = iter([True])

    def too_late(*arguments: Any) -> Any:
        if next(removals, False):
            (base / "azure").rmdir()
        return meant(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, moment, too_late)
        folder, lock = claim("azure")
    try:
        assert next(removals, None) is None
        assert folder.path.is_dir()
        assert os.fstat(lock).st_ino == folder.path.stat().st_ino
        assert folder.is_claimed()
    finally:
        os.close(lock)


def test_a_file_in_the_place_of_a_folder_is_an_error_not_a_loop(base: Path) -> None:
    base_folder()
    (base / "azure").touch()
    with pytest.raises(BackendError, match="cannot make .*/azure"):
        claim("azure")
    assert not RunFolder(base / "azure").is_claimed()


# --- all labs ---


def test_labs_that_run_are_listed_by_name(claims: Claims) -> None:
    for name in ("b", "c", "a"):
        claims.claim(name)
    assert [folder.name for folder in running_labs()] == ["a", "b", "c"]


def test_what_a_killed_supervisor_left_is_removed(claims: Claims, base: Path) -> None:
    claims.claim("alive")
    dead = claims.claim("dead")
    dead.log("ce1").write_text("last words")
    claims.end("dead")
    assert [folder.name for folder in running_labs()] == ["alive"]
    assert [entry.name for entry in base.iterdir()] == ["alive"]


def test_no_labs_is_an_empty_list(base: Path) -> None:
    assert running_labs() == []


def test_removing_a_folder_twice_is_no_error(claims: Claims) -> None:
    folder = claims.claim("azure")
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


# --- Unix socket addresses ---


def test_a_socket_at_any_path_can_be_bound_and_reached(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 100) / ("y" * 100) / "control.sock"
    path.parent.mkdir(parents=True)
    assert len(str(path)) > 200
    with closing(socket.socket(socket.AF_UNIX)) as server, closing(socket.socket(socket.AF_UNIX)) as client:
        with short_path(path) as short:
            assert len(short) < 108
            server.bind(short)
        server.listen()
        with short_path(path) as short:
            client.connect(short)
    assert path.is_socket()


def test_a_short_path_costs_no_descriptor(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with short_path(tmp_path / "control.sock"):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
