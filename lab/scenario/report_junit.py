"""Results as JUnit XML, as Jenkins, GitLab and GitHub's actions read it: a testcase a scenario.

There is no standard; the elements and attributes here are those of Jenkins' schema
(jenkinsci/xunit-plugin, junit-10.xsd), which the others read too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from lab.scenario.report_text import headline, scenario_text
from lab.scenario.result import Outcome, ScenarioResult, totals

SUITE = "mseelab"

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold (section 2.2)."""


def report(results: Sequence[ScenarioResult], seconds: float, at: datetime) -> str:
    """The whole file. ``at``: when the run began."""
    total = totals(results)
    counts = {
        "tests": str(len(results)),
        "failures": str(total.failed),
        "errors": str(total.errors),
        "time": f"{seconds:.3f}",
    }
    root = Element("testsuites", {"name": SUITE, **counts})
    beside = {"skipped": str(total.skipped), "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}"}
    suite = SubElement(root, "testsuite", {"name": SUITE, **counts, **beside})
    for result in results:
        _case(suite, result)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, result: ScenarioResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        {
            "classname": _xml(".".join(PurePath(result.file).with_suffix("").parts[-3:-1]) or SUITE),
            "name": _xml(result.name),
            "time": f"{result.seconds:.3f}",
        },
    )
    text = _xml(scenario_text(result))
    if result.outcome is Outcome.PASSED:
        SubElement(case, "system-out").text = text
        return
    if result.skipped is not None:
        SubElement(case, "skipped", {"message": _xml(result.skipped)})
        return
    kind = "failure" if result.outcome is Outcome.FAILED else "error"
    SubElement(case, kind, {"message": _xml(headline(result)), "type": result.outcome.value}).text = text


def _xml(text: str) -> str:
    return NOT_XML.sub("?", text)
