"""make bench: what the README claims, measured; JSON on standard output.

Numbers of one machine in one run: medians of several, and ratios against BIRD and against charons
set up by hand taken in turn, because shared machines drift. Parts of it by name, and more or fewer runs,
as ``python -m lab.bench --help`` says.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from typing import Any

import click

from lab.bench import bird, containers, pair, tunnels
from lab.bench.labs import command_seconds, run_line
from lab.errors import BackendError
from lab.timing import PATIENCE

LINE = 50
THROUGHPUT_S = 2.0 * PATIENCE


def _median(measure: Callable[[], float], runs: int) -> float:
    return round(statistics.median(measure() for _ in range(runs)), 3)


def _median_ratio(ones: list[float], others: list[float]) -> float:
    return round(statistics.median(one / other for one, other in zip(ones, others, strict=True)), 2)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def reference(runs: int) -> dict[str, Any]:
    """The reference lab, warm: one run is not counted."""
    times = []
    inspect = 0.0
    for number in range(runs + 1):
        took = command_seconds("up", "-q", "--name", "bench-reference")
        try:
            if number:
                times.append(took)
            if number == runs:
                inspect = _median(lambda: command_seconds("inspect", "--name", "bench-reference"), runs)
        finally:
            command_seconds("down", "--name", "bench-reference")
    return {
        "up_s": round(statistics.median(times), 3),
        "up_all_s": [round(took, 3) for took in times],
        "inspect_s": inspect,
        "help_s": _median(lambda: command_seconds("--help"), runs),
    }


def line(runs: int) -> dict[str, Any]:
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(run_line(LINE))
        if bird.available():
            theirs.append(bird.seconds_until_converged(LINE))
    result: dict[str, Any] = {
        "routers": LINE,
        "converge_s": round(statistics.median(run.converge_s for run in ours), 3),
        "up_s": round(statistics.median(run.up_s for run in ours), 3),
        "pss_mb_per_speaker": round(statistics.median(run.pss_mb for run in ours), 2),
    }
    if theirs:
        ratios = [run.converge_s / other for run, other in zip(ours, theirs, strict=True)]
        result |= {
            "bird_converge_s": round(statistics.median(theirs), 3),
            "ratio_to_bird": round(statistics.median(ratios), 2),
        }
    else:
        _say("no bird on this host: `apt-get install bird2` adds the comparison")
    return result


def tunnels_up(runs: int) -> dict[str, Any]:
    """The reference lab with its tunnels and without; the first of each is not counted."""
    by_topology: dict[str, list[float]] = {}
    with tunnels.without_tunnels() as plain:
        for _ in range(runs + 1):
            for topology in (str(tunnels.REFERENCE), plain):
                by_topology.setdefault(topology, []).append(tunnels.up_seconds(topology))
    with_tunnels, without = (statistics.median(times[1:]) for times in by_topology.values())
    return {
        "up_s": round(with_tunnels, 3),
        "up_without_s": round(without, 3),
        "added_s": round(with_tunnels - without, 3),
    }


def tunnel_throughput(runs: int) -> dict[str, Any]:
    """TCP through a tunnel of the lab, against two charons set up by hand: in the same places of another such
    lab, and with a wire between them instead of a provider's network."""
    with tunnels.running(tunnels.NAME) as lab, tunnels.running(tunnels.BY_HAND) as other:
        if lab is None or other is None:
            _say("no tunnels on this host: `mseelab doctor` says why")
            return {}
        ours, same_way, wire = [], [], []
        with tunnels.set_up_by_hand(other) as by_hand:
            for _ in range(runs):
                ours.append(lab.throughput(THROUGHPUT_S))
                same_way.append(by_hand(THROUGHPUT_S))
                wire.append(pair.over_a_wire(lab.like, THROUGHPUT_S))
        return {
            "dataplane": lab.dataplane,
            "mbit_s": round(statistics.median(ours), 1),
            "by_hand_mbit_s": round(statistics.median(same_way), 1),
            "ratio_to_by_hand": _median_ratio(ours, same_way),
            "over_a_wire_mbit_s": round(statistics.median(wire), 1),
            "ratio_to_a_wire": _median_ratio(ours, wire),
        }


def in_containers(runs: int) -> dict[str, Any]:
    """The images, and the reference lab with its tunnels in containers of them."""
    try:
        sizes = containers.image_sizes()
    except BackendError as error:
        _say(f"not in containers: {error.message}; {error.hint}")
        return {}
    return {"image_mb": sizes, **containers.times(str(tunnels.REFERENCE), runs)}


PARTS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "reference": (reference, 5),
    "line": (line, 3),
    "tunnels_up": (tunnels_up, 5),
    "tunnel_throughput": (tunnel_throughput, 7),
    "in_containers": (in_containers, 3),
}
"""Each with how often it is measured, by how much that differs from run to run and by what a run costs."""


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--runs", type=click.IntRange(min=1), help="How often to measure each; it knows how often.")
def main(parts: tuple[str, ...], runs: int | None) -> None:
    """Measure PARTS, or everything; results as JSON on standard output."""
    results: dict[str, Any] = {
        "machine": {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    }
    for part in parts or PARTS:
        _say(f"measuring: {part}")
        measure, usual = PARTS[part]
        results[part] = measure(runs or usual)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
