"""Debian's stock kernel in a folder of ours: downloaded and unpacked, never installed.

What is there is used again; remove the folder to have the newest.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

META_PACKAGE = "linux-image-amd64"
BROKEN = 3
"""The exit code for what is missing or does not work."""


class MissingError(Exception):
    """Something this host lacks; the text says what, and what to do."""


@dataclass(frozen=True)
class StockKernel:
    """``modules`` is where modules.dep is."""

    image: Path
    modules: Path
    initramfs: Path


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "mseelab", "kernel").absolute()


def stock_kernel(cache: Path) -> StockKernel:
    """The newest one in the cache, or one that is fetched now. Raises MissingError."""
    cache.mkdir(parents=True, exist_ok=True)
    found = sorted(cache.glob("*/complete"), key=lambda mark: mark.stat().st_mtime)
    folder = found[-1].parent if found else _fetched(cache)
    release = folder.name
    return StockKernel(
        folder / "boot" / f"vmlinuz-{release}", folder / "lib" / "modules" / release, folder / "initramfs"
    )


def _fetched(cache: Path) -> Path:
    """In a folder beside it first, so that one which is there is whole."""
    package = _newest_package()
    release = package.removeprefix("linux-image-")
    print(f"test-kernel: fetching Debian's kernel {release}, once", file=sys.stderr)  # noqa: T201
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        _run("apt-get", "download", "-qq", package, folder=scratch)
        (archive,) = Path(scratch).glob("*.deb")
        root = Path(scratch, release)
        _run("dpkg", "-x", str(archive), str(root), folder=scratch)
        if (root / "usr/lib/modules").is_dir():  # where everything in /lib has moved to /usr/lib
            (root / "lib").symlink_to("usr/lib")
        _run("depmod", "-b", str(root), release, folder=scratch)
        _make_initramfs(root, release)
        (root / "complete").touch()
        root.rename(cache / release)
    return cache / release


def _newest_package() -> str:
    if shutil.which("apt-cache") is None:
        raise MissingError("Debian's kernel comes by apt, and there is none here")
    told = subprocess.run(["apt-cache", "depends", META_PACKAGE], capture_output=True, text=True, check=False)
    name = re.search(r"Depends: (linux-image-\S+)", told.stdout)
    if name is None:
        raise MissingError(
            f"apt does not know {META_PACKAGE}: `apt-get update`, or this is not Debian on amd64"
        )
    return name[1]


def _make_initramfs(root: Path, release: str) -> None:
    """By virtme-ng: busybox and the modules that mount the host's files."""
    run = Path(sys.executable).with_name("virtme-run")
    _run(
        *(str(run), "--root", "/", "--force-9p", "--dry-run", "--script-sh", "true"),
        *("--kimg", str(root / "boot" / f"vmlinuz-{release}"), "--mods", "auto"),
        *("--save-initramfs", str(root / "initramfs")),
        folder=str(root),
    )


def _run(*command: str, folder: str) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise MissingError(f"{command[0]} is missing") from None
    if done.returncode != 0:
        raise MissingError(f"{' '.join(command[:3])} did not work: {(done.stderr or done.stdout).strip()}")


if __name__ == "__main__":
    try:
        stock_kernel(cache_folder())
    except MissingError as error:
        print(f"test-kernel: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(BROKEN)
