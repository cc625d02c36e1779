"""`pod.status` as JSON, key for key (L-205, L-211, L-212, L-217, L-235)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from minikubelet.manifest.pod import ResourceRequirements, VolumeMount
from minikubelet.pod.encode_status import encode_status, encode_time
from minikubelet.pod.pod_status import (
    ContainerState,
    ContainerStatus,
    PodCondition,
    PodPhase,
    PodStatus,
    QOSClass,
    Running,
    Terminated,
    Waiting,
)
from tests.pod.builders import a_container, a_pod, at


def test_a_whole_status() -> None:
    pod = a_pod(
        a_container(
            resources=ResourceRequirements(limits={"memory": "1Gi"}, requests={"memory": "64Mi"}),
            volume_mounts=(
                VolumeMount("data", "/data"),
                VolumeMount("conf", "/etc/conf", read_only=True),
                VolumeMount("all", "/all", read_only=True, recursive_read_only="Enabled"),
            ),
        ),
        init=[a_container("i")],
    )
    status = PodStatus(
        phase=PodPhase.RUNNING,
        conditions=(
            PodCondition("PodScheduled", "True", "", "", at(1), 2),
            PodCondition("Ready", "False", "ContainersNotReady", "[app]", at(2), 2),
        ),
        init_container_statuses=(
            ContainerStatus(
                "i",
                Terminated(0, "Completed", "", at(1), at(2.9), "process://i"),
                ready=True,
                image="busybox",
                container_id="process://i",
            ),
        ),
        container_statuses=(
            ContainerStatus(
                "app",
                Running(at(3.5)),
                Terminated(137, "ContainerStatusUnknown", "lost"),
                started=True,
                restart_count=1,
                image="busybox",
                container_id="process://app",
            ),
        ),
        start_time=at(0.7),
        qos_class=QOSClass.BURSTABLE,
        host_ip="10.0.0.1",
        pod_ip="10.0.0.2",
        observed_generation=2,
    )
    assert encode_status(pod, status) == {
        "observedGeneration": 2,
        "phase": "Running",
        "conditions": [
            {
                "type": "PodScheduled",
                "observedGeneration": 2,
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": "2026-01-01T00:00:01Z",
            },
            {
                "type": "Ready",
                "observedGeneration": 2,
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": "2026-01-01T00:00:02Z",
                "reason": "ContainersNotReady",
                "message": "[app]",
            },
        ],
        "hostIP": "10.0.0.1",
        "hostIPs": [{"ip": "10.0.0.1"}],
        "podIP": "10.0.0.2",
        "podIPs": [{"ip": "10.0.0.2"}],
        "startTime": "2026-01-01T00:00:00Z",
        "initContainerStatuses": [
            {
                "name": "i",
                "state": {
                    "terminated": {
                        "exitCode": 0,
                        "reason": "Completed",
                        "startedAt": "2026-01-01T00:00:01Z",
                        "finishedAt": "2026-01-01T00:00:02Z",
                        "containerID": "process://i",
                    }
                },
                "lastState": {},
                "ready": True,
                "restartCount": 0,
                "image": "busybox",
                "imageID": "",
                "containerID": "process://i",
                "started": False,
                "resources": {},
            }
        ],
        "containerStatuses": [
            {
                "name": "app",
                "state": {"running": {"startedAt": "2026-01-01T00:00:03Z"}},
                "lastState": {
                    "terminated": {
                        "exitCode": 137,
                        "reason": "ContainerStatusUnknown",
                        "message": "lost",
                        "startedAt": None,
                        "finishedAt": None,
                    }
                },
                "ready": False,
                "restartCount": 1,
                "image": "busybox",
                "imageID": "",
                "containerID": "process://app",
                "started": True,
                "allocatedResources": {"memory": "64Mi"},
                "resources": {"limits": {"memory": "1Gi"}, "requests": {"memory": "64Mi"}},
                "volumeMounts": [
                    {"name": "data", "mountPath": "/data"},
                    {
                        "name": "conf",
                        "mountPath": "/etc/conf",
                        "readOnly": True,
                        "recursiveReadOnly": "Disabled",
                    },
                    {
                        "name": "all",
                        "mountPath": "/all",
                        "readOnly": True,
                        "recursiveReadOnly": "Enabled",
                    },
                ],
            }
        ],
        "qosClass": "Burstable",
    }


def test_a_status_of_which_little_is_known() -> None:
    status = PodStatus(phase=PodPhase.FAILED, reason="NodeAffinity", message="Pod was rejected: no")
    assert encode_status(a_pod(), status) == {
        "phase": "Failed",
        "reason": "NodeAffinity",
        "message": "Pod was rejected: no",
    }


@pytest.mark.parametrize(
    ("state", "encoded"),
    [
        pytest.param(
            Waiting("ContainerCreating"),
            {"waiting": {"reason": "ContainerCreating"}},
            id="waiting without a message",
        ),
        pytest.param(Waiting(), {"waiting": {}}, id="waiting without a reason"),
        pytest.param(
            Terminated(9, signal=9),
            {"terminated": {"exitCode": 9, "signal": 9, "startedAt": None, "finishedAt": None}},
            id="ended by a signal, as a client wrote it",
        ),
    ],
)
def test_states(state: ContainerState, encoded: object) -> None:
    status = PodStatus(container_statuses=(ContainerStatus("app", state, image="busybox"),))
    assert encode_status(a_pod(), status)["containerStatuses"] == [
        {
            "name": "app",
            "state": encoded,
            "lastState": {},
            "ready": False,
            "restartCount": 0,
            "image": "busybox",
            "imageID": "",
            "started": False,
        }
    ]


@pytest.mark.parametrize(
    ("time", "text"),
    [
        pytest.param(None, None, id="unset"),
        pytest.param(
            datetime(2026, 3, 1, 12, 0, 59, 999_999, tzinfo=UTC),
            "2026-03-01T12:00:59Z",
            id="L-211: cut to whole seconds",
        ),
        pytest.param(
            datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            "2026-02-28T23:00:00Z",
            id="in UTC",
        ),
    ],
)
def test_times(time: datetime | None, text: str | None) -> None:
    assert encode_time(time) == text
