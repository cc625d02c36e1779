"""Mistakes around containers, and what people are told: word for word."""

from __future__ import annotations

import pytest

from minikubelet.manifest.read import read_manifest


def told(text: str) -> list[str]:
    return [str(finding) for finding in read_manifest(text, "pod.yaml").findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\ncontainers: []\n",
            ["4: containers: unknown field; it belongs in spec (as spec.containers)"],
            id="no spec",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    name: a\n",
            ["4: spec.containers: a list is wanted, not a mapping; "
             'begin its first line with a dash: "- name: …"'],
            id="no dash",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n  - app: web\n",
            ["4: metadata.labels: a mapping is wanted, not a list; "
             'write "key: value" lines without dashes'],
            id="labels as a list",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {version: 1.10}\n",
            ["4: metadata.labels[version]: a string is wanted, not the number 1.10; "
             'write "1.10", in quotes'],
            id="a version that is a number",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  app: web\n",
            ["5: metadata.app: unknown field; put it below labels or annotations"],
            id="a label beside the labels",
        ),
        pytest.param(
            "apiVersion: v1\nmetadata: {name: a}\nspec: {containers: []}\n",
            ["1: kind: missing; write kind: Pod"],
            id="no kind",
        ),
        pytest.param(
            "kind: Pod\nmetadata: {name: a}\n",
            ["1: apiVersion: missing; write apiVersion: v1"],
            id="no apiVersion",
        ),
        pytest.param(
            "apiversion: v1\nkind: Pod\n",
            ['1: apiVersion: missing; did you mean "apiVersion" instead of "apiversion"?'],
            id="apiVersion in lower case",
        ),
        pytest.param(
            "apiVersion: v1\nkind: pod\n",
            ['2: kind: no kind pod in v1; did you mean "Pod"?'],
            id="kind in lower case",
        ),
        pytest.param(
            "apiVersion: 1\nkind: Pod\n",
            ["1: apiVersion: a string is wanted; write it in quotes"],
            id="apiVersion as a number",
        ),
        pytest.param(
            "apiVersion: apps/v1\nkind: Pod\n",
            ["1: apiVersion: no kind Pod in apps/v1; write apiVersion: v1"],
            id="a kind of another group",
        ),
        pytest.param(
            "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: c}\nspec:\n"
            "  jobTemplate: {spec: {template: {metadata: {lavels: {a: b}}}}}\n",
            [
                "1: apiVersion: batch/v1beta1 CronJob was removed in Kubernetes 1.25; "
                "use batch/v1",
                '2: kind: minikubelet cannot run CronJob "c"; '
                "it runs Pods, with the ConfigMaps and Secrets that they use",
                "5: spec.jobTemplate.spec.template.metadata.lavels: unknown field; "
                'did you mean "labels"?',
            ],
            id="an apiVersion that was removed, and a slip",
        ),
        pytest.param(
            "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\n",
            [
                "1: apiVersion: policy/v1beta1 PodSecurityPolicy was removed in Kubernetes 1.25; "
                "nothing took its place",
                "2: kind: minikubelet cannot run PodSecurityPolicy; "
                "it runs Pods, with the ConfigMaps and Secrets that they use",
            ],
            id="a kind that was removed",
        ),
        pytest.param(
            "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n",
            ['2: kind: minikubelet cannot run Widget "w"; '
             "it runs Pods, with the ConfigMaps and Secrets that they use"],
            id="a kind of somebody else",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Secret\ndata: {p: hunter2, q: 5}\n",
            [
                '3: data[p]: not base64: the string "hunter2"; put plain text under stringData',
                "3: data[q]: base64 text is wanted, not the number 5; "
                "put plain text under stringData",
            ],
            id="plain text in a Secret",
        ),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nport: 80\n"
            "data: {a: 5}\nbinaryData: {b: '!'}\n",
            [
                "4: port: unknown field; put it below data",
                '5: data[a]: a string is wanted, not the number 5; write "5", in quotes',
                '6: binaryData[b]: not base64: the string "!"; put plain text under data',
            ],
            id="everything wrong in a ConfigMap",
        ),
        pytest.param(
            "version: '3'\nservices: {web: {image: nginx}}\n",
            [
                "1: apiVersion: missing; "
                "this looks like a Compose file; write the services as Pods",
                "1: kind: missing; this looks like a Compose file; write the services as Pods",
            ],
            id="a Compose file",
        ),
        pytest.param(
            "- apiVersion: v1\n  kind: Pod\n",
            ["1:1: a Kubernetes object is wanted, not a list; "
             "separate objects with ---, or put them below items: of a kind: List"],
            id="a list of objects",
        ),
        pytest.param(
            "kind:Pod\n",
            ['1:1: a Kubernetes object is wanted, not the string "kind:Pod"; '
             'write "kind: Pod"'],
            id="no blank anywhere",
        ),
        pytest.param(
            '{"apiVersion": "v1", "kind": "Pod",}',
            ['1:36: a comma stands before the closing "}"; remove the comma'],
            id="a trailing comma in JSON",
        ),
        pytest.param(
            '{"apiVersion": "v1"\n "kind": "Pod"}',
            ["2:2: a comma is missing before this"],
            id="a missing comma in JSON",
        ),
        pytest.param(
            "{apiVersion: v1}",
            ['1:2: a key without quotes in JSON: apiVersion; write "apiVersion"'],
            id="keys without quotes in JSON",
        ),
        pytest.param(
            '{"tty": True}',
            ["1:9: a text without quotes in JSON: True; write true"],
            id="Python in JSON",
        ),
        pytest.param(
            '{"a": 1 // one\n}',
            ["1:9: JSON has no comments; remove it, or write the file as YAML"],
            id="a comment in JSON",
        ),
        pytest.param(
            '{"a": [1, 2\n',
            ['1:7: the "[" that opens here is never closed; add "]"'],
            id="an open bracket in JSON",
        ),
    ],
)  # fmt: skip
def test_around_it(text: str, expected: list[str]) -> None:
    assert told(text) == [f"pod.yaml:{line}" for line in expected]


def test_a_file_without_objects() -> None:
    assert told("# nothing\n---\n") == [
        "pod.yaml: no objects in it: it is empty, or has comments only"
    ]
