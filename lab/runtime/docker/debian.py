"""Debian for the images to build upon: from a registry, or made here where none answers.

``mmdebstrap`` makes the set of packages that Debian's slim images have (variant minbase, a merged /usr,
no documentation) from Debian's mirrors. The first image upgrades either, so that the results are the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

import docker

from lab.errors import BackendError
from lab.runtime.docker import problems
from lab.runtime.docker.engine import FAILURES, Engine
from lab.runtime.docker.recipes import LABEL
from lab.timing import PROGRAM_END

SUITE = "bookworm"
REGISTRY = ("debian", f"{SUITE}-slim")
MADE = ("mseelab/debian", SUITE)

LEFT_OUT = ("doc", "groff", "info", "linda", "lintian", "locale", "man")
"""Folders of /usr/share, but for the copyright of each package."""

JUST_NOW_S = 1.0
"""In which a program that has closed its output is gone."""

MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"


def command() -> list[str]:
    """Writes Debian as a tar archive to standard output."""
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in LEFT_OUT]
    return [
        "mmdebstrap",
        "--variant=minbase",
        f"--hook-dir={MERGED_USR}",
        "--include=usr-is-merged",
        *excluded,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        '--aptopt=Acquire::Languages "none"',
        SUITE,
        "-",
    ]


def provide(engine: Engine, say: Callable[[str], None], *, fresh: bool) -> str:
    """The reference of an image of Debian. Raises BackendError when none can be had."""
    if not fresh:
        for name in (REGISTRY, MADE):
            if _has(engine, ":".join(name)):
                return ":".join(name)
    try:
        engine.client.images.pull(*REGISTRY)
        return ":".join(REGISTRY)
    except FAILURES as error:
        reason = getattr(error, "explanation", None) or error
        say(f"no registry gives {':'.join(REGISTRY)} ({reason}); making Debian with mmdebstrap")
    _make(engine)
    return ":".join(MADE)


def _has(engine: Engine, reference: str) -> bool:
    with engine.told(f"looking for the image {reference}"):
        try:
            engine.client.images.get(reference)
        except docker.errors.ImageNotFound:
            return False
    return True


def _make(engine: Engine) -> None:
    with tempfile.TemporaryFile() as log, _running(log) as process:
        problem: BackendError | None = None
        try:
            image = _imported(engine, process)
        except BackendError as error:
            problem = error
        if _ended_badly(process):
            log.seek(0)
            said = log.read().decode(errors="replace").splitlines()
            raise problems.failed("making Debian with mmdebstrap", said, engine.facts.root_dir)
        if problem is not None:
            raise problem
    with engine.told("naming Debian's image"):
        engine.client.api.tag(image, *MADE)


@contextlib.contextmanager
def _running(log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """mmdebstrap; told to end, and to remove what it unpacked, when it is of no use any more."""
    try:
        process = subprocess.Popen(
            command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # it hangs up on its whole process group when it fails
        )
    except FileNotFoundError:
        raise BackendError(
            "no registry answers, and mmdebstrap, which makes Debian without one, is not installed",
            hint="`apt install mmdebstrap`, or let the engine reach Docker Hub",
        ) from None
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it has started; the first of them waits for the others, and cleans up behind them."""
    assert process.stdout is not None
    process.stdout.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PROGRAM_END.seconds)


def _imported(engine: Engine, process: subprocess.Popen[bytes]) -> str:
    """The identity of the image that its output makes. Raises BackendError."""
    action = "importing Debian"
    with engine.told(action):
        answer = engine.client.api.import_image_from_stream(process.stdout, changes=[f"LABEL {LABEL}=debian"])
    lines = [json.loads(line) for line in answer.splitlines()]
    for line in lines:
        if "error" in line:
            raise problems.failed(action, [line["error"]], engine.facts.root_dir)
    return str(lines[-1]["status"])


def _ended_badly(process: subprocess.Popen[bytes]) -> bool:
    """By itself, and not for want of a reader: nobody has closed its output yet."""
    try:
        return process.wait(JUST_NOW_S) != 0
    except subprocess.TimeoutExpired:
        return False
