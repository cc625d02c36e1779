"""All rules of `minikubelet plan`, and how they are put to a pod. Pure.

MK1xx numbers of probes, MK2xx what probes ask, MK3xx stopping, MK4xx the pod. Ids are stable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from minikubelet.manifest.fieldpath import FieldPath
from minikubelet.manifest.pod import Pod
from minikubelet.plan import rules_exec, rules_handlers, rules_pod, rules_stop, rules_timing
from minikubelet.plan.finding import ContainerCheck, PlanFinding, PodCheck, Subject
from minikubelet.plan.pod_plan import PodPlan

CONTAINER_RULES: Mapping[str, ContainerCheck] = {
    "MK101": rules_timing.kills_before_start,
    "MK102": rules_timing.startup_budget_too_short,
    "MK103": rules_timing.timeout_not_below_period,
    "MK104": rules_timing.liveness_like_readiness,
    "MK105": rules_timing.killed_before_unready,
    "MK106": rules_timing.one_failure_kills,
    "MK107": rules_timing.delay_without_effect,
    "MK108": rules_timing.hang_noticed_late,
    "MK109": rules_timing.delay_instead_of_startup,
    "MK201": rules_handlers.undeclared_port,
    "MK202": rules_handlers.named_port_missing,
    "MK203": rules_handlers.port_of_another_container,
    "MK204": rules_handlers.udp_port,
    "MK205": rules_handlers.redirect_counts_as_success,
    "MK206": rules_handlers.another_host,
    "MK207": rules_handlers.loopback_host,
    "MK208": rules_handlers.path_is_not_expanded,
    "MK209": rules_handlers.hang_is_not_seen,
    "MK210": rules_exec.program_missing,
    "MK211": rules_exec.command_is_one_string,
    "MK212": rules_exec.shell_words_without_shell,
    "MK213": rules_exec.curl_without_fail,
    "MK214": rules_exec.probe_costs_too_much,
    "MK301": rules_stop.pre_stop_longer_than_grace,
    "MK302": rules_stop.probe_grace_longer_than_pods,
    "MK303": rules_stop.pre_stop_longer_than_probe_grace,
    "MK304": rules_stop.hang_keeps_long_grace,
    "MK401": rules_pod.kill_without_restart,
    "MK402": rules_pod.sidecar_is_not_waited_for,
    "MK403": rules_pod.hook_holds_others_back,
}
POD_RULES: Mapping[str, PodCheck] = {
    "MK404": rules_pod.deadline_before_ready,
    "MK405": rules_pod.ports_clash,
    "MK406": rules_pod.never_ready,
}


def find_harm(
    pod: Pod, plan: PodPlan, has_program: Callable[[str], bool]
) -> tuple[PlanFinding, ...]:
    """Every finding about a valid pod, by container and rule."""
    spec = FieldPath().child("spec")
    lists = (("initContainers", pod.spec.init_containers), ("containers", pod.spec.containers))
    subjects = [
        Subject(
            pod,
            plan,
            container,
            plan.container(container.name),
            spec.child(field).index(index),
            has_program,
        )
        for field, containers in lists
        for index, container in enumerate(containers)
    ]
    of_containers = [
        PlanFinding(rule, harm)
        for subject in subjects
        for rule, check in CONTAINER_RULES.items()
        for harm in check(subject)
    ]
    of_pod = [
        PlanFinding(rule, harm) for rule, check in POD_RULES.items() for harm in check(pod, plan)
    ]
    return (*of_containers, *of_pod)
