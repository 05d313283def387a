"""make test-kernel: boot Debian's stock kernel in QEMU and run the chosen tests there, some of them in
containers where there are images of this checkout; or, as make bench-kernel does, ``boot.py bench WORD...``
with those of ``python -m lab.bench``: measure there.

The guest has this host's files, read-only, and with them its Python and strongSwan; what it writes is gone
with it, but for its results. Exits with 0 when all of the tests passed or all was measured, with 1 when one
failed or was skipped, and with 3 when there is no guest or it broke.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from images import images_for
from stock import BROKEN, MissingError, StockKernel, cache_folder, stock_kernel

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
ANYWHERE = ("chosen", "chosen-rootless")
IN_CONTAINERS = "chosen-containers"
CHOSEN = (*ANYWHERE, IN_CONTAINERS)
"""What to run there, as root and as an ordinary user, and where there are images: the files of that name
here, and folders of results."""
FIGURES = "bench.json"
QEMU = "qemu-system-x86_64"
MEMORY = "3G"
MOST_CPUS = 4

UP = "guest: Linux"
"""What ``init`` says when the kernel, and the host's files in it, are there."""
BOOT_S = 300.0
WHOLE_S = 1200.0
SILENCE_S = 700
"""The limits on the boot, on all of it, and on a guest that says nothing."""
LOOK_S = 0.5
"""How often."""
LAST_LINES = 25


@dataclass(frozen=True)
class Accelerator:
    """How QEMU runs the guest. ``patience``: how much slower than here things may be there."""

    name: str
    words: tuple[str, ...]
    patience: int


KVM = Accelerator("KVM", ("-accel", "kvm", "-cpu", "host"), 2)
EMULATION = Accelerator("emulation", ("-accel", "tcg,thread=multi", "-cpu", "max,-erms,-fsrm"), 8)
"""It translates every instruction; those that repeat themselves byte by byte are slower than others."""


def accelerators() -> Iterator[Accelerator]:
    """The ones to try, the fastest first. A /dev/kvm alone promises little: without the processor's help
    it takes kernels only that know of it."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    if os.access("/dev/kvm", os.R_OK | os.W_OK) and ("vmx" in flags or "svm" in flags):
        yield KVM
    yield EMULATION


def qemu(kernel: StockKernel, how: Accelerator, results: Path, errand: str) -> list[str]:
    """The command that is the guest."""
    root = "local,path=/,security_model=none,readonly=on,multidevs=remap"
    return [
        *(QEMU, "-M", "q35", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"),
        *("-m", MEMORY, "-smp", str(min(os.cpu_count() or 1, MOST_CPUS)), *how.words),
        *("-fsdev", f"{root},id=root", "-device", "virtio-9p-pci,fsdev=root,mount_tag=/dev/root"),
        *("-fsdev", f"{root},id=host", "-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
        *("-fsdev", f"local,path={results},security_model=none,id=results"),
        *("-device", "virtio-9p-pci,fsdev=results,mount_tag=results"),
        *("-kernel", str(kernel.image), "-initrd", str(kernel.initramfs)),
        *("-append", command_line(kernel, how, errand)),
    ]


def command_line(kernel: StockKernel, how: Accelerator, errand: str) -> str:
    """The kernel's. What is off costs time in emulation: protection against leaks of the processor, hooks
    of AppArmor, huge pages. The clock is the processor's own, not one that QEMU must be asked for."""
    return " ".join(
        (
            "console=ttyS0 quiet panic=-1 random.trust_cpu=on tsc=reliable no_timer_check",
            "mitigations=off apparmor=0 audit=0 transparent_hugepage=never",
            f"init={HERE}/init tests={HERE} modules={kernel.modules}",
            f'python={sys.executable} patience={how.patience} errand="{errand}"',
        )
    )


@dataclass
class Guest:
    """What was seen of one. ``problem``: why it was ended."""

    up: bool = False
    problem: str | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    def hears(self, text: str) -> None:
        self.last.append(text)
        self.up = self.up or text.startswith(UP)

    def overdue(self, running_s: float, silent_s: float) -> str | None:
        """What took too long, in words."""
        if not self.up and running_s > BOOT_S:
            return f"the kernel did not come up within {BOOT_S:g} s"
        if running_s > WHOLE_S:
            return f"not done within {WHOLE_S:g} s"
        return f"silent for {SILENCE_S:g} s" if silent_s > SILENCE_S else None


def boot(command: list[str]) -> Guest:
    """Run a guest to its end, or to the end of our patience, and pass on what it says."""
    guest = Guest()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        try:
            listen(guest, process.stdout.fileno())
        finally:
            process.kill()
    return guest


def listen(guest: Guest, console: int) -> None:
    """Until it says nothing more, or for too long."""
    began = heard = time.monotonic()
    rest = b""
    while guest.problem is None:
        if select.select([console], [], [], LOOK_S)[0]:
            piece = os.read(console, 1 << 16)
            if not piece:
                break
            heard = time.monotonic()
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                guest.hears(text)
                print(f"{heard - began:6.1f} s  {text}", flush=True)  # noqa: T201
        now = time.monotonic()
        guest.problem = guest.overdue(now - began, now - heard)
    guest.hears(rest.decode(errors="replace"))


def verdict(chosen: tuple[str, ...], results: Path) -> int | None:
    """The exit code by what the guest left of all that was chosen; None when something is missing."""
    codes = [_verdict(results / name) for name in chosen]
    return None if None in codes else max(code for code in codes if code is not None)


def _verdict(results: Path) -> int | None:
    """A chosen test must have run."""
    code = results / "exit-code"
    if not code.exists():
        return None
    if code.read_text().strip() not in ("0", "1"):
        return BROKEN
    cases = ElementTree.parse(results / "junit.xml").iter("testcase")
    skipped = [case.get("name", "") for case in cases if case.find("skipped") is not None]
    for name in skipped:
        say(f"{name} was chosen, and skipped")
    return 1 if skipped else int(code.read_text())


def figures(results: Path) -> int | None:
    """The exit code of what was measured, which is printed; None when it did not get that far."""
    code = results / "exit-code"
    if not code.exists():
        return None
    print((results / FIGURES).read_text())  # noqa: T201
    return 0 if code.read_text().strip() == "0" else BROKEN


@dataclass(frozen=True)
class Errand:
    """What a guest is booted for. ``folder``: of its results. ``words`` tell the guest. ``verdict`` reads the
    results."""

    folder: str
    words: tuple[str, ...]
    verdict: Callable[[Path], int | None]

    @property
    def results(self) -> Path:
        return BUILD / self.folder


def errand(words: list[str], saved: Callable[[], bool]) -> Errand:
    """By the words of the command line. ``saved``: whether there are images for the guest's own engine."""
    match words:
        case []:
            chosen = CHOSEN if saved() else ANYWHERE
            return Errand("test-kernel", ("test", *chosen), partial(verdict, chosen))
        case ["bench", *asked]:
            return Errand("bench-kernel", ("bench", *asked), figures)
    raise MissingError(
        f"{' '.join(words)!r} is no errand: nothing for the tests, or bench with words of its own"
    )


def say(*lines: str) -> None:
    for line in lines:
        print(f"test-kernel: {line}", file=sys.stderr, flush=True)  # noqa: T201


def run(errand: Errand) -> int:
    """Raises MissingError."""
    if shutil.which(QEMU) is None:
        raise MissingError(f"{QEMU} is not installed (Debian: qemu-system-x86)")
    kernel = stock_kernel(cache_folder())
    shutil.rmtree(errand.results, ignore_errors=True)
    errand.results.mkdir(parents=True, exist_ok=True)
    for how in accelerators():
        say(f"booting {kernel.image.name} in QEMU, by {how.name}")
        guest = boot(qemu(kernel, how, errand.results, " ".join(errand.words)))
        if guest.up:
            break
    code = errand.verdict(errand.results)
    if guest.problem is None and code is not None:
        say(f"results and logs are in {errand.results}")
        return code
    say(f"the guest broke: {guest.problem or 'it ended before it was done'}; the last it said:", *guest.last)
    return BROKEN


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(BROKEN))  # not without ending the guest
    try:
        with images_for(BUILD / "test-kernel-images.tar", say) as saved:
            sys.exit(run(errand(sys.argv[1:], saved)))
    except MissingError as error:
        say(str(error))
        sys.exit(BROKEN)
