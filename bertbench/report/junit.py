"""Checks as JUnit XML, in the form that CI systems read (the schema of Jenkins' xunit plugin)."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

from bertbench.files import write_bytes
from bertbench.formatting import brief
from bertbench.report.checks import Check
from bertbench.report.wording import State

ELEMENTS = {State.FAILED: "failure", State.UNCLEAR: "error"}


def write_junit(path: Path, checks: Sequence[Check]) -> None:
    """Write one suite per section; failed checks are failures, unclear ones are errors."""
    root = ElementTree.Element("testsuites", name="bertbench")
    for section, members in groupby(checks, key=lambda check: check.section):
        cases = list(members)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=section,
            tests=str(len(cases)),
            failures=str(sum(check.state == State.FAILED for check in cases)),
            errors=str(sum(check.state == State.UNCLEAR for check in cases)),
        )
        for check in cases:
            name = brief(check.name)
            case = ElementTree.SubElement(suite, "testcase", classname=f"bertbench.{section}", name=name)
            if check.state in ELEMENTS:
                message = brief(check.message)
                ElementTree.SubElement(case, ELEMENTS[check.state], message=message)
    ElementTree.indent(root)
    write_bytes(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
