"""JUnit XML, GitHub annotations and summaries, and the data of the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from minikubelet.check.cases import Case, CaseResult, Suite
from minikubelet.check.github import annotation, finding_annotation, summary_markdown
from minikubelet.check.judge import Stage
from minikubelet.check.junit import junit_xml
from minikubelet.check.report import LogLine, report_data, report_html
from minikubelet.check.result import CheckResult, evidence_lines, verdict_line, verdict_object
from minikubelet.check.verdict import CaseKind, CaseRef, ExitCode, Failure
from minikubelet.journal import BackOffStarted, ConditionChanged
from minikubelet.kill_cause import KillCause
from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.findings import Finding, Position
from tests.check.builders import (
    PROBED,
    WEB,
    a_result,
    accepted,
    exited,
    judged,
    killing,
    probed,
    ready,
    started,
)
from tests.cli.records import at, of_app
from tests.cli.test_output_json import SCHEMA, problems

INITIALIZED = ConditionChanged(at=at(1), pod=WEB, type="Initialized", status="True")
WELL = judged(
    accepted(),
    INITIALIZED,
    started(2),
    probed("success", verdict="success", before="failure", seconds=3),
    ready(True, 4),
    Stage.SOAK,
    Stage.STOP,
    pod=PROBED,
)
PASSED = a_result(WELL.command_ended(0, 1.5, "true", at(55)))
FAILED = replace(
    a_result(judged(accepted(), INITIALIZED, started(2), exited(1, seconds=3), pod=PROBED)),
    log_tails={"web/app": ["bell \x07 & <b>", "100% ```", "::error::x"]},
)


def test_text() -> None:
    assert verdict_line(PASSED) == "PASSED in 1m0s"
    assert verdict_line(FAILED).startswith("FAILED (exit 11, crash loop): web/app: ended after")
    assert evidence_lines(FAILED)[0] == "last log lines of web/app:"
    assert evidence_lines(replace(FAILED, log_tails={"web/app": []})) == [
        "web/app wrote no log line"
    ]


@pytest.mark.parametrize("result", [PASSED, FAILED], ids=["passed", "failed"])
def test_json_is_as_the_schema_says(result: CheckResult) -> None:
    assert problems(json.loads(json.dumps(verdict_object(result))), SCHEMA) == []


# The rules of junit-10.xsd, the schema of Jenkins' xUnit plugin: element → (attributes, required
# ones, children).
_SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp"}
        | {"hostname", "id", "package", "file", "log", "url"},
        {"name", "tests", "failures", "errors"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name", "time", "classname", "group"},
        {"name"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": ({"type", "message"}, set(), set()),
    "skipped": ({"type", "message"}, set(), set()),
}
_MIXED = {"failure", "skipped"}
_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def schema_problems(element: ET.Element) -> list[str]:
    """What of a document is not as the schema says."""
    if element.tag not in _SCHEMA:
        return [f"<{element.tag}> is not known"]
    allowed, required, children = _SCHEMA[element.tag]
    found = [f"{element.tag}@{name}" for name in set(element.keys()) - allowed]
    found += [f"{element.tag} without {name}" for name in sorted(required - set(element.keys()))]
    if not _TIME.fullmatch(element.get("time", "")):
        found.append(f"{element.tag}@time")
    if element.tag not in _MIXED and (element.text or "").strip():
        found.append(f"text in {element.tag}")
    for child in element:
        if child.tag not in children:
            found.append(f"<{child.tag}> in <{element.tag}>")
        found += schema_problems(child)
    return found


@pytest.mark.parametrize("result", [PASSED, FAILED], ids=["passed", "failed"])
def test_junit_is_valid_for_jenkins(result: CheckResult) -> None:
    root = ET.fromstring(junit_xml(result))
    assert root.tag == "testsuites"
    assert schema_problems(root) == []


def test_the_schema_check_finds_problems() -> None:
    bad = ET.fromstring(
        '<testsuites><testsuite name="x" time="1e3"><case/></testsuite></testsuites>'
    )
    assert schema_problems(bad) == [
        "testsuite without errors",
        "testsuite without failures",
        "testsuite without tests",
        "testsuite@time",
        "<case> in <testsuite>",
        "<case> is not known",
    ]


def test_junit_cases() -> None:
    root = ET.fromstring(junit_xml(PASSED))
    cases = {
        (suite.get("name"), case.get("name")): case.get("time") for suite in root for case in suite
    }
    assert cases == {
        ("default/web", "start"): "1.000",
        ("default/web", "app: readiness probe"): "1.000",
        ("default/web", "ready"): "4.000",
        ("default/web", "soak"): "0.000",
        ("default/web", "clean stop"): "0.000",
        ("check", "command"): "1.500",
    }


def test_a_command_that_fails_after_a_pod_is_told_too() -> None:
    state = judged(started(), exited(1)).command_ended(2, 1.5, "pytest", at(9))
    result = a_result(state)
    assert result.code is ExitCode.CRASH_LOOP
    root = ET.fromstring(junit_xml(result))
    messages = [failure.get("message") for failure in root.iter("failure")]
    assert messages[1:] == ["the command exited with 2: pytest"]
    assert (messages[0] or "").startswith("web/app: ended after 3.2s (exit 1)")


def test_a_failure_of_no_pod_has_its_own_case() -> None:
    failure = Failure(ExitCode.INTERRUPTED, at(2), "interrupted", CaseRef(CaseKind.GOAL))
    suite = a_result(judged(started()).fail(failure)).suites[-1]
    assert suite == Suite("check", (Case("interrupted", CaseResult.FAILED, 0.0, failure),))


def test_a_junit_failure_has_cause_and_log() -> None:
    (suite,) = ET.fromstring(junit_xml(FAILED))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "1", "4")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "crash loop"
    assert (failure.text or "").endswith("\n  bell \ufffd & <b>\n  100% ```\n  ::error::x")


def test_annotations_are_one_line() -> None:
    assert annotation(PASSED) == "::notice title=minikubelet check::PASSED in 1m0s"
    text = annotation(FAILED)
    assert text.startswith("::error title=web/app%3A crash loop::FAILED (exit 11, crash loop): ")
    assert "%0A  100%25 ```%0A" in text
    assert "\n" not in text


def test_a_finding_marks_its_line() -> None:
    path = FieldPath().child("spec", "restartPolicy")
    finding = Finding.at(Position("a,b.yaml", 7, 3), path, "not 100% right", fix="write Never")
    assert finding_annotation(finding) == (
        "::error file=a%2Cb.yaml,line=7,col=3::spec.restartPolicy: not 100%25 right%0A"
        "fix: write Never"
    )


def test_the_job_summary() -> None:
    text = summary_markdown(FAILED)
    assert text.startswith("### ❌ minikubelet check\n\nFAILED (exit 11, crash loop): web/app:")
    assert "````text\nlast log lines of web/app:\n" in text  # longer than the fence in the log
    assert "| ❌ | start | 2s |\n" in text
    assert "| ⏭️ | ready |  |\n" in text


def test_lanes_of_the_page() -> None:
    back_off = BackOffStarted(
        **of_app(3, WEB), delay_seconds=10, remaining_seconds=9, restart_count=1, message=""
    )
    records = [
        started(1),
        probed("success", verdict="success", before="failure", seconds=2, output="fine"),
        exited(1, seconds=2.5),
        back_off,
        started(12, 1),
        killing(KillCause.SHUTDOWN, 20),
        exited(143, KillCause.SHUTDOWN, seconds=21),
    ]
    lines = [LogLine(at(1.5), "stderr", "up")]
    (lane,) = report_data(FAILED, [PROBED], records, {(WEB, "app"): lines})["lanes"]
    assert [(begin, state) for begin, state, _ in lane["states"]] == [
        (1000, "running"),
        (2010, "ready"),
        (2500, "failed"),
        (3000, "backoff"),
        (12000, "running"),
        (20000, "stopping"),
        (21000, "ended"),
    ]
    assert lane["probes"] == [[2000, 10, 1, 1, 0]]
    assert lane["logs"] == [[1500, "stderr", "up"]]


def test_nothing_in_a_log_ends_the_script_of_the_page() -> None:
    lines = [LogLine(at(1), "stdout", "</script><script>alert(1)</script>")]
    page = report_html(FAILED, [PROBED], [], {(WEB, "app"): lines})
    assert page.count("</script>") == 2
    assert "\\u003c/script>\\u003cscript>alert(1)" in page
    assert "http://" not in page
    assert "https://" not in page
