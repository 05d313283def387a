"""mseelab fault: break something in a running lab, and mend it exactly."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import (
    ask,
    connect,
    format_option,
    lab_for_completion,
    name_option,
    namespace_name,
    print_json,
)
from lab.cli.tables import duration, print_table, printable
from lab.errors import InputError
from lab.runtime.claims import running_labs
from lab.runtime.control import pack, unpack

if TYPE_CHECKING:
    from lab.fault.catalogue import FaultSpec

Entries = list[dict[str, Any]]


@click.group("fault")
def command() -> None:
    """Break something in a running lab, and mend it exactly.

    A fault holds until it is cleared or the lab ends; faults may overlap and end in any order.
    """


@command.command("list")
@name_option
@format_option
def list_faults(name: str | None, output_format: str) -> None:
    """What can be broken, and what is in the running lab."""
    from lab.fault.page import entries

    applied: Entries = ask(name, "fault-list") if name is not None or running_labs() else []
    if output_format == "json":
        print_json({"catalogue": entries(), "applied": applied})
        return
    print_table(
        ("KIND", "PARAMETERS", "WHAT IT IS"),
        [(each["kind"], _signature(each), each["emulates"]) for each in entries()],
        title="Catalogue",
    )
    click.echo()
    print_faults(applied, title="Applied")


@command.command("apply")
@name_option
@format_option
@click.option("--as", "own_name", metavar="NAME", help="What it is cleared by; its kind when left out.")
@click.argument("kind", shell_complete=lambda *words: _complete_kinds(words[2]))
@click.argument(
    "parameters",
    nargs=-1,
    metavar="[KEY=VALUE]...",
    shell_complete=lambda context, _parameter, incomplete: _complete_parameters(context, incomplete),
)
def apply(
    name: str | None, output_format: str, own_name: str | None, kind: str, parameters: tuple[str, ...]
) -> None:
    """Break something: `mseelab fault list` shows each KIND and its parameters.

    \b
    mseelab fault apply link_down link=pe1--msee1
    mseelab fault apply daemon_stop node=msee1/private how=freeze
    """
    from lab.plan.types import Plan

    spec = _spec(own_name, kind, parameters)
    with closing(connect(name)) as control:
        fault = spec.fault(unpack(control.ask("plan"), Plan))
        applied: str | None = control.ask("fault-apply", fault=pack(fault))
    if output_format == "json":
        print_json(
            {
                "name": applied,
                "kind": fault.kind,
                "parameters": fault.parameters,
                "sentence": fault.sentence,
            }
        )
        return
    click.echo(printable(fault.sentence))
    if applied is not None:
        click.echo(f"  mend it with: mseelab fault clear {applied}")


@command.command("clear")
@name_option
@format_option
@click.option("--all", "everything", is_flag=True, help="Every fault there is.")
@click.argument("names", nargs=-1, shell_complete=lambda context, _, text: _complete_applied(context, text))
def clear(name: str | None, output_format: str, everything: bool, names: tuple[str, ...]) -> None:
    """Mend what the faults of these NAMES broke."""
    if everything == bool(names):
        raise InputError(
            "say which faults, or --all", hint="`mseelab fault list` shows those that are applied"
        )
    cleared: list[str] = ask(name, "fault-clear", names=list(names))
    if output_format == "json":
        print_json(cleared)
        return
    for each in cleared or ["nothing"]:
        click.echo(f"{each} is cleared" if cleared else "nothing to clear")


def print_faults(applied: Entries, *, title: str) -> None:
    print_table(
        ("FAULT", "KIND", "FOR", "WHAT IS WRONG"),
        [(each["name"], each["kind"], duration(each["age_s"]), each["sentence"]) for each in applied],
        title=title,
    )


def _signature(entry: dict[str, Any]) -> str:
    """``link=... [carrier=lose|keep]``."""
    words = []
    for parameter in entry["parameters"]:
        values = "|".join(parameter["choices"]) or "..."
        word = f"{parameter['name']}={values}"
        words.append(word if parameter["required"] else f"[{word}]")
    return " ".join(words)


def _spec(own_name: str | None, kind: str, parameters: tuple[str, ...]) -> FaultSpec:
    """Raises InputError for what is no fault."""
    from lab.fault.catalogue import KINDS, FaultSpec
    from lab.model.properties import closest
    from lab.model.shape import model_of
    from lab.scenario.patch import document_of

    if kind not in KINDS:
        near = closest(kind, KINDS)
        meant = f", did you mean {near!r}?" if near else ""
        raise InputError(f"there is no fault {kind!r}{meant}", hint=f"there are: {', '.join(KINDS)}")
    given = {kind: dict(map(_parameter, parameters))} | ({"name": own_name} if own_name else {})
    spec, problems = model_of(document_of(given, "mseelab fault apply"), FaultSpec)
    if spec is None:
        first = problems[0]
        raise InputError(f"{first.path}: {first.what}", hint=first.hint)
    return spec


def _parameter(text: str) -> tuple[str, str | int | bool]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"{text!r} is no parameter", hint="write KEY=VALUE, such as link=pe1--msee1")
    if value in ("true", "false"):
        return key, value == "true"
    return key, int(value) if value.isascii() and value.isdigit() else value


# Shell completion.


def _complete_kinds(incomplete: str) -> list[str]:
    from lab.fault.catalogue import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def _complete_parameters(context: click.Context, incomplete: str) -> list[str]:
    """bash makes three words of KEY=VALUE and completes the last; other shells leave it one."""
    typed: tuple[str, ...] = context.params.get("parameters") or ()
    if incomplete == "=" or typed[-1:] == ("=",):
        key, text, before = (typed[-1], "", "") if incomplete == "=" else (typed[-2], incomplete, "")
    elif "=" in incomplete:
        key, _, text = incomplete.partition("=")
        before = f"{key}="
    else:
        return [f"{each}=" for each in _known(context) if each.startswith(incomplete)]
    values = _known(context).get(key, []) or _names(context, key)
    return [before + value for value in values if value.startswith(text)]


def _known(context: click.Context) -> dict[str, list[str]]:
    """The parameters of the kind that was typed, and the values of those that have few."""
    from lab.fault.page import entries

    known = {each["kind"]: each["parameters"] for each in entries()}
    parameters = known.get(context.params.get("kind"), [])
    return {parameter["name"]: parameter["choices"] for parameter in parameters}


def _names(context: click.Context, key: str) -> list[str]:
    """What a parameter may name in the running lab."""
    lab = lab_for_completion(context)
    if lab is None:
        return []
    if key == "link":
        return [link["name"] for link in lab["links"]]
    if key == "tunnel":
        return list(dict.fromkeys(tunnel["name"] for tunnel in lab["tunnels"]))
    if key in ("node", "toward"):
        nodes = [node["name"] for node in lab["nodes"]]
        return list(dict.fromkeys([*nodes, *map(namespace_name, lab["nodes"])]))
    return []


def _complete_applied(context: click.Context, incomplete: str) -> list[str]:
    lab = lab_for_completion(context)
    names = [fault["name"] for fault in lab["faults"]] if lab else []
    return [name for name in names if name.startswith(incomplete)]
