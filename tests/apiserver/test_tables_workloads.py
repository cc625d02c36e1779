"""Tables: columns and cells of kinds that make Pods from a template (wire spec, section 9)."""

from __future__ import annotations

from typing import Any

import pytest

from minikubelet.manifest.json_tree import Json
from tests.apiserver.tables import (
    AGE,
    CREATED,
    SELECTOR,
    SELECTOR_CELL,
    TEMPLATE_CELLS,
    an_object,
    cells,
    template,
)


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        pytest.param(
            "Job",
            an_object(
                spec={"parallelism": 3, "template": template(), "selector": SELECTOR},
                status={"startTime": "2026-01-01T11:59:00Z", "succeeded": 1},
            ),
            {
                "NAME": "x",
                "STATUS": "Running",
                "COMPLETIONS": "1/1 of 3",
                "DURATION": "60s",
                "AGE": AGE,
                **TEMPLATE_CELLS,
                **SELECTOR_CELL,
            },
            id="a job that works off a queue",
        ),
        pytest.param(
            "Job",
            an_object(
                metadata={"deletionTimestamp": CREATED},
                spec={"completions": 2, "template": template()},
                status={
                    "conditions": [
                        {"type": "Failed", "status": "False"},
                        {"type": "Suspended", "status": "True"},
                    ]
                },
            ),
            {
                "NAME": "x",
                "STATUS": "Terminating",
                "COMPLETIONS": "0/2",
                "DURATION": "",
                "AGE": AGE,
                **TEMPLATE_CELLS,
                "SELECTOR+": "<none>",
            },
            id="a suspended job that is being deleted",
        ),
        pytest.param(
            "CronJob",
            an_object(
                spec={
                    "schedule": "* * * * *",
                    "suspend": False,
                    "jobTemplate": {"spec": {"template": template()}},
                },
                status={"active": [{}, {}], "lastScheduleTime": "2026-01-01T11:59:00Z"},
            ),
            {
                "NAME": "x",
                "SCHEDULE": "* * * * *",
                "TIMEZONE": "<none>",
                "SUSPEND": "False",
                "ACTIVE": 2,
                "LAST SCHEDULE": "60s",
                "AGE": AGE,
                **TEMPLATE_CELLS,
                "SELECTOR+": "<none>",
            },
            id="a cron job",
        ),
        pytest.param(
            "DaemonSet",
            an_object(
                spec={"template": template(nodeSelector={"d": "ssd"}), "selector": SELECTOR},
                status={"desiredNumberScheduled": 1, "numberReady": 1},
            ),
            {
                "NAME": "x",
                "DESIRED": 1,
                "CURRENT": 0,
                "READY": 1,
                "UP-TO-DATE": 0,
                "AVAILABLE": 0,
                "NODE SELECTOR": "d=ssd",
                "AGE": AGE,
                **TEMPLATE_CELLS,
                **SELECTOR_CELL,
            },
            id="a daemon set",
        ),
        pytest.param(
            "Deployment",
            an_object(
                spec={"replicas": 3, "template": template(), "selector": SELECTOR},
                status={"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1},
            ),
            {
                "NAME": "x",
                "READY": "2/3",
                "UP-TO-DATE": 3,
                "AVAILABLE": 1,
                "AGE": AGE,
                **TEMPLATE_CELLS,
                **SELECTOR_CELL,
            },
            id="a deployment",
        ),
        pytest.param(
            "PodDisruptionBudget",
            an_object(spec={"minAvailable": "50%"}, status={"disruptionsAllowed": 1}),
            {
                "NAME": "x",
                "MIN AVAILABLE": "50%",
                "MAX UNAVAILABLE": "N/A",
                "ALLOWED DISRUPTIONS": 1,
                "AGE": AGE,
            },
            id="a disruption budget",
        ),
    ],
)
def test_cells(name: str, document: Json, expected: dict[str, Any]) -> None:
    assert cells(name, document) == expected
