"""Mistakes within a container, and what people are told: word for word."""

from __future__ import annotations

import pytest

from minikubelet.manifest.read import read_manifest

# Its last line is line 8; what a test adds begins in line 9, within the container.
CONTAINER = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: nginx
"""
QUANTITY = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


def told(text: str) -> list[str]:
    return [str(finding) for finding in read_manifest(text, "pod.yaml").findings]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            "  livenessProbe: {httpGet: {port: 80}}",
            "9: spec.livenessProbe: unknown field; "
            "it belongs in spec.containers[…] (as spec.containers[0].livenessProbe)",
            id="a probe beside the containers",
        ),
        pytest.param(
            "  labels: {app: web}",
            "9: spec.labels: unknown field; it belongs in metadata (as metadata.labels)",
            id="labels in the spec",
        ),
        pytest.param(
            "    volumes: []",
            "9: spec.containers[0].volumes: unknown field; it belongs in spec (as spec.volumes)",
            id="volumes in the container",
        ),
        pytest.param(
            "    limits: {cpu: 1}",
            "9: spec.containers[0].limits: unknown field; it belongs in "
            "spec.containers[0].resources (as spec.containers[0].resources.limits)",
            id="limits without resources",
        ),
        pytest.param(
            "    resources: {memory: 5Mi}",
            "9: spec.containers[0].resources.memory: unknown field; "
            "put it below limits or requests",
            id="an amount without limits",
        ),
        pytest.param(
            "    livenessProbe: {tcpSocket: {port: 80, periodSeconds: 3}}",
            "9: spec.containers[0].livenessProbe.tcpSocket.periodSeconds: unknown field; "
            "it belongs in spec.containers[0].livenessProbe "
            "(as spec.containers[0].livenessProbe.periodSeconds)",
            id="a period inside the handler",
        ),
        pytest.param(
            "    livenessProbe: {path: /, tcpSocket: {port: 80}}",
            "9: spec.containers[0].livenessProbe.path: unknown field; it belongs in "
            "spec.containers[0].livenessProbe.httpGet "
            "(as spec.containers[0].livenessProbe.httpGet.path)",
            id="a path without httpGet",
        ),
        pytest.param(
            "    httpGet: {port: 80}",
            "9: spec.containers[0].httpGet: unknown field; it belongs in "
            "spec.containers[0].livenessProbe, spec.containers[0].readinessProbe "
            "or spec.containers[0].startupProbe",
            id="a handler without a probe",
        ),
        pytest.param(
            "    ports: [{containerport: 80}]",
            "9: spec.containers[0].ports[0].containerport: unknown field; "
            'did you mean "containerPort"?',
            id="lower case",
        ),
        pytest.param(
            "    image_pull_policy: Always",
            "9: spec.containers[0].image_pull_policy: unknown field; "
            'did you mean "imagePullPolicy"?',
            id="snake case",
        ),
        pytest.param(
            "    readynessProbe: {tcpSocket: {port: 80}}",
            '9: spec.containers[0].readynessProbe: unknown field; did you mean "readinessProbe"?',
            id="a slip of the pen",
        ),
        pytest.param(
            "    port: 80",
            '9: spec.containers[0].port: unknown field; did you mean "ports"?',
            id="the singular",
        ),
        pytest.param(
            "    environment: [{name: A}]",
            '9: spec.containers[0].environment: unknown field; did you mean "env"?',
            id="the word of Compose",
        ),
        pytest.param(
            "    flibbertigibbet: 1",
            "9: spec.containers[0].flibbertigibbet: unknown field",
            id="nothing is like it",
        ),
        pytest.param(
            "    env: {A: b}",
            "9: spec.containers[0].env: a list is wanted, not a mapping; "
            'write "- name: A" and below it "value: …"',
            id="env as a mapping",
        ),
        pytest.param(
            "    env: [{name: A, value: yes}]",
            "9: spec.containers[0].env[0].value: a string is wanted, not the boolean yes; "
            'write "yes", in quotes',
            id="yes as a value",
        ),
        pytest.param(
            "    env: [{name: A, value: 0640}]",
            "9: spec.containers[0].env[0].value: a string is wanted, not the number 0640; "
            'write "0640", in quotes',
            id="an octal number as a value",
        ),
        pytest.param(
            '    ports: [{containerPort: "80"}]',
            "9: spec.containers[0].ports[0].containerPort: a whole number is wanted, "
            'not the string "80"; write 80 without quotes',
            id="a port in quotes",
        ),
        pytest.param(
            "    ports: [{containerPort: 99999999999}]",
            "9: spec.containers[0].ports[0].containerPort: "
            "99999999999 is out of range: -2147483648 … 2147483647",
            id="more than 32 bits",
        ),
        pytest.param(
            "    livenessProbe: {periodSeconds: 2m}",
            "9: spec.containers[0].livenessProbe.periodSeconds: a whole number is wanted, "
            'not the string "2m"; write 120, in seconds',
            id="a duration",
        ),
        pytest.param(
            "    livenessProbe: {httpGet: {port: 80.5}}",
            "9: spec.containers[0].livenessProbe.httpGet.port: "
            "a whole number or a string is wanted, not the number 80.5",
            id="half a port",
        ),
        pytest.param(
            "    livenessProbe: {exec: [cat, /x]}",
            "9: spec.containers[0].livenessProbe.exec: a mapping is wanted, not a list; "
            'write it as command: ["cat", "/x"]',
            id="exec without command",
        ),
        pytest.param(
            "    livenessProbe:\n      httpGet:\n        path:/healthz",
            "10: spec.containers[0].livenessProbe.httpGet: a mapping is wanted, "
            'not the string "path:/healthz"; write "path: /healthz"',
            id="no blank after the colon, alone",
        ),
        pytest.param(
            "    command: sleep 100",
            '9: spec.containers[0].command: a list is wanted, not the string "sleep 100"; '
            'write ["sh", "-c", "sleep 100"], or one item per word',
            id="a command as a text",
        ),
        pytest.param(
            "    args: [a: b]",
            "9: spec.containers[0].args[0]: a string is wanted, not a mapping; "
            'if it is meant as one text, quote it: "a: b"',
            id="a colon in an argument",
        ),
        pytest.param(
            '    tty: "true"',
            '9: spec.containers[0].tty: a boolean is wanted, not the string "true"; '
            "write true without quotes",
            id="a boolean in quotes",
        ),
        pytest.param(
            "    resources: {limits: {memory: 128MB}}",
            f'9: spec.containers[0].resources.limits[memory]: the string "128MB": {QUANTITY}; '
            'write "128Mi" (powers of 1024) or "128M"',
            id="megabytes",
        ),
        pytest.param(
            "    resources: {limits: {memory: 64K}}",
            '9: spec.containers[0].resources.limits[memory]: the string "64K": '
            'unable to parse quantity\'s suffix; write "64Ki" (powers of 1024) or "64k"',
            id="capital K",
        ),
        pytest.param(
            '    resources: {limits: {cpu: "0,5"}}',
            f'9: spec.containers[0].resources.limits[cpu]: the string "0,5": {QUANTITY}; '
            'write "0.5"',
            id="a decimal comma",
        ),
        pytest.param(
            "    image: httpd",
            "9: spec.containers[0].image: repeated; it stands in line 8 already; "
            "keep one of the two",
            id="a field twice",
        ),
        pytest.param(
            "  restartPolicy: [Never]",
            "9: spec.restartPolicy: a string is wanted, not a list; write Never without the list",
            id="a list of one",
        ),
        pytest.param(
            "\ttty: true",
            "9:1: a tab cannot indent YAML; indent with blanks",
            id="a tab",
        ),
        pytest.param(
            "    livenessProbe:\n      httpGet:\n        path:/\n        port: 80",
            '11:13: no blank after the colon; write "path: /"',
            id="no blank after the colon, before another key",
        ),
        pytest.param(
            "      tty: true",
            '9:7: "tty" is indented below "image", which has a value already; '
            'begin "tty" in column 5, as "image"',
            id="too deep",
        ),
        pytest.param(
            "   tty: true",
            "9:4: this line lines up with nothing above it; begin it in column 5 or 3",
            id="between two levels",
        ),
        pytest.param(
            "  -name: b\n   image: c",
            '9:4: no blank after the dash; write "- name: b"',
            id="no blank after the dash",
        ),
        pytest.param(
            "    workingDir: a: b",
            '9:18: a second colon in one line: the value of "workingDir" needs quotes; '
            'write workingDir: "a: b"',
            id="two colons",
        ),
        pytest.param(
            "    command: ['sh', '-c', 'sleep 1]",
            "9:27: the quote that opens here is never closed; add '",
            id="an open quote",
        ),
        pytest.param(
            "    command: [sh, -c\n    tty: true",
            '9:14: the "[" that opens here is not closed, or a comma is missing in it; add "]"',
            id="an open bracket",
        ),
        pytest.param(
            "    args: [*]",
            "9:12: a value that begins with \"*\" needs quotes; write '*]'",
            id="a star",
        ),
        pytest.param(
            "    workingDir: @app",
            "9:17: a value that begins with \"@\" needs quotes; write '@app'",
            id="an at sign",
        ),
        pytest.param(
            "    workingDir: {{ .Values.dir }}",
            "9:18: a mapping cannot be a key; "
            "quote it; a template in {{ }} has to be rendered first",
            id="a template",
        ),
        pytest.param(
            "    workingDir: 'it's'",
            "9:21: there is more text after the closing quote; "
            "quote the whole value, or double the quote inside",
            id="a quote within quotes",
        ),
        pytest.param(
            '    workingDir: "C:\\dir"',
            "9:20: not an escape that YAML knows; "
            "write \\\\ for a backslash, or use single quotes",
            id="a backslash",
        ),
        pytest.param(
            "    tty\n    stdin: true",
            '9:5: no colon after "tty"; write "tty: …"',
            id="no colon",
        ),
    ],
)  # fmt: skip
def test_in_a_container(lines: str, expected: str) -> None:
    assert told(CONTAINER + lines + "\n") == [f"pod.yaml:{expected}"]
