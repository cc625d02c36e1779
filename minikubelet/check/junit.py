"""The result of a check as JUnit XML, as Jenkins, GitLab and others read it. Pure.

Role: one suite per Pod and one for the command; a failure carries its cause, evidence and log tail.
Invariants: valid against the schema that Jenkins uses (junit-10.xsd of its xUnit plugin), whatever
the containers wrote: characters that XML cannot hold become U+FFFD.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from minikubelet.check.cases import Case, CaseResult, Suite
from minikubelet.check.result import CheckResult, evidence_lines, verdict_line

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(result: CheckResult) -> bytes:
    """The document, in UTF-8."""
    root = ET.Element("testsuites", name="minikubelet check", time=_seconds(result.seconds))
    for suite in result.suites:
        root.append(_suite(suite, result))
    ET.indent(root)
    text: str = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _suite(suite: Suite, result: CheckResult) -> ET.Element:
    element = ET.Element(
        "testsuite",
        name=_text(suite.name),
        tests=str(len(suite.cases)),
        failures=str(suite.count(CaseResult.FAILED)),
        errors="0",
        skipped=str(suite.count(CaseResult.SKIPPED)),
        time=_seconds(suite.seconds),
        timestamp=result.began_at.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    element.extend(_case(case, suite, result) for case in suite.cases)
    return element


def _case(case: Case, suite: Suite, result: CheckResult) -> ET.Element:
    element = ET.Element(
        "testcase",
        name=_text(case.name),
        classname=_text(f"minikubelet.{suite.name.replace('/', '.')}"),
        time=_seconds(case.seconds),
    )
    match case.result:
        case CaseResult.SKIPPED:
            ET.SubElement(element, "skipped")
        case CaseResult.FAILED if case.failure is not None:
            failure = ET.SubElement(
                element,
                "failure",
                message=_text(case.failure.sentence),
                type=_text(case.failure.code.title),
            )
            decides = case.failure == result.failure
            lines = (verdict_line(result), *evidence_lines(result)) if decides else ()
            failure.text = _text("\n".join(lines))
    return element


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
