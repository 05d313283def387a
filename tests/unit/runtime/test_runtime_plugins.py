"""strongSwan's plugins: a host that lacks one has no data plane that needs it, and the reason is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.runtime import capability, plugins

ALGORITHMS = "plugin openssl is missing: `make setup`, or `apt install libstrongswan-standard-plugins`"
LIBIPSEC = "plugin kernel-libipsec is missing: `make setup`, or `apt install libcharon-extra-plugins`"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with charon and with the plugins that a test puts there."""
    monkeypatch.setattr(plugins, "FOLDERS", (str(tmp_path / "nowhere"), str(tmp_path)))
    monkeypatch.setattr(capability.shutil, "which", lambda program, path: f"/usr/sbin/{program}")
    return tmp_path


@pytest.mark.parametrize(
    ("installed", "kernel", "userspace"),
    [
        ((), ALGORITHMS, ALGORITHMS),
        (("kernel-libipsec",), ALGORITHMS, ALGORITHMS),
        (("openssl",), None, LIBIPSEC),
        (("openssl", "kernel-libipsec"), None, None),
    ],
)
def test_a_data_plane_whose_plugins_are_missing_is_none(
    installed: tuple[str, ...], kernel: str | None, userspace: str | None, folder: Path
) -> None:
    for plugin in installed:
        (folder / f"libstrongswan-{plugin}.so").touch()
    lacks = capability.programs_here()
    assert [lacks["kernel"], lacks["userspace"]] == [
        wanted and f"strongSwan's {wanted}" for wanted in (kernel, userspace)
    ]
