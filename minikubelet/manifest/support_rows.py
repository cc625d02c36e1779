"""What happens to each field of a Pod: the one table.

Role: data. `support.py` looks fields up, and the README's table is written from it.
A path names a field without list indexes; `{a,b}` is either, `**` is everything below, and the
longest path that fits a field is its row. A row that is *emulated* or *accepted* says how or why.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from minikubelet.value_class import dataclass


class Support(StrEnum):
    HONORED = "honored"
    """As on a cluster."""
    EMULATED = "emulated"
    """The nearest thing that processes of a host allow."""
    ACCEPTED = "accepted"
    """No effect: the user is warned."""
    REFUSED = "refused"
    """Going on without it would be wrong."""


Fine = Callable[[Any, Mapping[str, Any]], bool]
"""Whether a value, with the mapping that it stands in, asks for nothing that is missing here."""


def _never(value: object, siblings: Mapping[str, Any]) -> bool:
    return False


def _only(*values: object) -> Fine:
    return lambda value, _siblings: value in values


@dataclass(frozen=True, slots=True)
class Row:
    path: str
    support: Support
    note: str = ""
    fix: str = ""
    fine: Fine = _never
    """Of accepted, refused and warned-of rows: values that need no finding."""
    warns: bool = False
    """Of an emulated row: whether the user should hear of it."""


_CONTAINER = "spec.{containers,initContainers}"
_PROBE = _CONTAINER + ".{livenessProbe,readinessProbe,startupProbe}"
_HOOK = _CONTAINER + ".lifecycle.{postStart,preStop}"

_NO_ISOLATION = "no container isolation: the process runs with the rights of its user"
_OTHER_RESOURCES = "only cpu and memory count"
_NO_OWNER = "files belong to the user that minikubelet runs as"
_ONE_NODE = "there is one node"
_BY_THE_SERVER = "set by minikubelet itself"
_PLACED = "the pod runs here, whatever it says: there is one node"
_USE_A_DIRECTORY = "use a hostPath or emptyDir volume"
_NO_TOKEN = "there are no service account tokens"


def _honored(*paths: str) -> tuple[Row, ...]:
    return tuple(Row(path, Support.HONORED) for path in paths)


def _emulated(path: str, note: str, *, warns: bool = False, fine: Fine = _never) -> Row:
    return Row(path, Support.EMULATED, note, fine=fine, warns=warns)


def _accepted(path: str, note: str, fine: Fine = _never) -> Row:
    return Row(path, Support.ACCEPTED, note, fine=fine)


def _refused(path: str, note: str, fix: str, fine: Fine = _never) -> Row:
    return Row(path, Support.REFUSED, note, fix, fine)


_METADATA = (
    *_honored(
        "metadata.{name,generateName,namespace}",
        "metadata.{labels,annotations}.**",
    ),
    _accepted(
        "metadata.{uid,resourceVersion,generation,creationTimestamp,selfLink}", _BY_THE_SERVER
    ),
    _accepted("metadata.{deletionTimestamp,deletionGracePeriodSeconds}", _BY_THE_SERVER),
    _accepted("metadata.managedFields.**", _BY_THE_SERVER),
    _accepted("metadata.ownerReferences.**", "nothing is deleted together with its owner"),
    _accepted("metadata.finalizers.**", "deletion does not wait for anybody"),
    _accepted("status.**", "computed by minikubelet itself"),
)

_POD = (
    *_honored(
        "spec.restartPolicy",
        "spec.terminationGracePeriodSeconds",
        "spec.activeDeadlineSeconds",
        "spec.hostNetwork",
        "spec.readinessGates.**",
        "spec.schedulingGates.**",
        "spec.securityContext.{runAsUser,runAsGroup,runAsNonRoot,supplementalGroups,fsGroup}",
    ),
    _emulated("spec.hostname", "in `HOSTNAME`; the kernel's host name stays"),
    _emulated("spec.hostAliases.**", "in an `/etc/hosts` of its own, where mounting is allowed"),
    _emulated("spec.{hostPID,hostIPC}", "always so: processes of one host see each other"),
    _emulated("spec.shareProcessNamespace", "always so: processes of one host see each other"),
    _emulated(
        "spec.{serviceAccountName,serviceAccount}",
        f"a name only: {_NO_TOKEN}, so that programs see that they are in no cluster",
    ),
    _emulated("spec.tolerations.**", "there is one node, and it has no taints"),
    _emulated(
        "spec.enableServiceLinks",
        "variables of the Services in the daemon's API; none for its own (`KUBERNETES_SERVICE_*`), "
        "since no token goes with them: give such a program a kubeconfig",
    ),
    _emulated("spec.nodeName", _PLACED, warns=True),
    _emulated("spec.nodeSelector.**", _PLACED, warns=True),
    _emulated(
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.**",
        _PLACED,
        warns=True,
    ),
    _emulated("spec.resources.requests.**", "counts for the QoS class"),
    _emulated(
        "spec.resources.limits.**",
        "counts for the QoS class; only the limits of containers are enforced",
        warns=True,
    ),
    _accepted(
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution.**", _ONE_NODE
    ),
    _accepted("spec.affinity.{podAffinity,podAntiAffinity}.**", _ONE_NODE),
    _accepted("spec.topologySpreadConstraints.**", _ONE_NODE),
    _accepted("spec.schedulerName", "there is no scheduler", _only("default-scheduler")),
    _accepted("spec.schedulingGroup.**", "there is no scheduler"),
    _accepted("spec.{priorityClassName,priority,preemptionPolicy}", "no pod makes way for another"),
    _accepted("spec.evictionResponders.**", "nobody is asked before an eviction"),
    _accepted("spec.overhead.**", "nothing is set aside for it"),
    _accepted("spec.runtimeClassName", "there is one runtime: processes of this host"),
    _accepted("spec.imagePullSecrets.**", "nothing is pulled"),
    _accepted("spec.automountServiceAccountToken", _NO_TOKEN, _only(False)),
    _accepted("spec.subdomain", "there is no cluster DNS"),
    _accepted("spec.setHostnameAsFQDN", "the kernel's host name stays", _only(False)),
    _accepted("spec.hostnameOverride", "the kernel's host name stays"),
    _accepted(
        "spec.dnsPolicy",
        "names are resolved as on the host",
        _only("ClusterFirst", "ClusterFirstWithHostNet", "Default"),
    ),
    _accepted("spec.dnsConfig.**", "names are resolved as on the host"),
    _accepted("spec.hostUsers", "no user namespace is made", _only(True)),
    _accepted("spec.securityContext.sysctls.**", "the host's values hold"),
    _accepted("spec.securityContext.fsGroupChangePolicy", "volumes are new: all files are changed"),
    _accepted(
        "spec.securityContext.supplementalGroupsPolicy",
        "there is no image with groups of its own",
    ),
    _accepted(
        "spec.securityContext.{seLinuxOptions,windowsOptions,seccompProfile,appArmorProfile}.**",
        _NO_ISOLATION,
    ),
    _accepted("spec.securityContext.seLinuxChangePolicy", _NO_ISOLATION),
    _refused("spec.os.name", "the processes run on Linux", "remove it", _only("linux")),
    _refused(
        "spec.resourceClaims.**",
        "devices cannot be allocated",
        "remove it, and use the device itself",
    ),
    _refused("spec.resources.claims.**", "devices cannot be allocated", "remove it"),
    _refused(
        "spec.ephemeralContainers.**",
        "ephemeral containers are added to a running pod",
        "remove it, and use `minikubelet exec`",
    ),
)

_CONTAINERS = (
    *_honored(
        _CONTAINER + ".{name,command,args,workingDir}",
        _CONTAINER + ".env.**",
        _CONTAINER + ".envFrom.**",
        _CONTAINER + ".resources.limits.memory",
        _CONTAINER + ".volumeMounts.**",
        _CONTAINER + ".{terminationMessagePath,terminationMessagePolicy}",
        _CONTAINER + ".{stdin,stdinOnce,tty}",
        _CONTAINER + ".restartPolicy",
        _CONTAINER + ".restartPolicyRules.**",
        _CONTAINER
        + ".securityContext.{runAsUser,runAsGroup,runAsNonRoot,allowPrivilegeEscalation}",
        _PROBE + ".**",
        _HOOK + ".{exec,httpGet,sleep}.**",
    ),
    _emulated(
        _CONTAINER + ".image",
        "not pulled: it names a command of the image catalog when `command` is not given",
    ),
    _emulated(_CONTAINER + ".imagePullPolicy", "kept; nothing is pulled"),
    _emulated(
        _CONTAINER + ".ports.**",
        "the process listens on the host itself; names serve probes, and clashes are reported",
    ),
    _emulated(
        _CONTAINER + ".ports.hostPort",
        "no port is mapped: the process has to listen on it itself",
        warns=True,
        fine=lambda value, port: value in (0, port.get("containerPort")),
    ),
    _emulated(_CONTAINER + ".resources.limits.cpu", "by a cgroup, where one can be made"),
    _emulated(
        _CONTAINER + ".resources.requests.{cpu,memory}",
        "the QoS class and the order of out-of-memory kills follow from it",
    ),
    _accepted(_CONTAINER + ".resources.limits.**", _OTHER_RESOURCES),
    _accepted(_CONTAINER + ".resources.requests.**", _OTHER_RESOURCES),
    _accepted(
        _CONTAINER + ".resizePolicy.**",
        "resources are not changed while a container runs",
        lambda _value, policy: policy.get("restartPolicy") == "RestartContainer",
    ),
    _accepted(
        _CONTAINER + ".volumeMounts.mountPropagation",
        "mounts made later are not passed on",
        _only("None"),
    ),
    _accepted(
        _CONTAINER + ".volumeMounts.recursiveReadOnly",
        "mounts inside of the volume are left as they are",
        _only("Disabled"),
    ),
    _accepted(_CONTAINER + ".volumeMounts.bindMountOptions.**", "mounts have no options"),
    _accepted(
        _CONTAINER + ".lifecycle.stopSignal",
        "off by default in Kubernetes: containers are stopped with TERM",
        _only("SIGTERM"),
    ),
    _accepted(_HOOK + ".tcpSocket.**", "Kubernetes has no such hook: it fails when it is due"),
    _accepted(
        _CONTAINER + ".securityContext.{capabilities,seLinuxOptions,windowsOptions,seccompProfile,"
        "appArmorProfile}.**",
        _NO_ISOLATION,
    ),
    _accepted(
        _CONTAINER + ".securityContext.{privileged,readOnlyRootFilesystem}",
        _NO_ISOLATION,
        _only(False),
    ),
    _accepted(_CONTAINER + ".securityContext.procMount", _NO_ISOLATION, _only("Default")),
    _refused(_PROBE + ".httpGet.protocol", "probes speak HTTP/1.1", "remove it", _only("HTTP1")),
    _refused(_HOOK + ".httpGet.protocol", "hooks speak HTTP/1.1", "remove it", _only("HTTP1")),
    _refused(
        _PROBE + ".grpc.mode", "gRPC probes are not encrypted", "remove it", _only("Plaintext")
    ),
    _refused(_CONTAINER + ".resources.claims.**", "devices cannot be allocated", "remove it"),
    _refused(_CONTAINER + ".volumeDevices.**", "there are no block devices", "use volumeMounts"),
)

_VOLUMES = (
    *_honored(
        "spec.volumes.name",
        "spec.volumes.emptyDir.sizeLimit",
        "spec.volumes.{hostPath,configMap,secret,downwardAPI}.**",
        "spec.volumes.projected.defaultMode",
        "spec.volumes.projected.sources.{configMap,secret,downwardAPI}.**",
    ),
    _emulated(
        "spec.volumes.emptyDir.medium", "`Memory` is a directory in `/dev/shm`; others are ignored"
    ),
    _accepted("spec.volumes.emptyDir.mode", "the directory has mode 0777"),
    _accepted("spec.volumes.{configMap,secret,downwardAPI,projected}.defaultUser", _NO_OWNER),
    _accepted("spec.volumes.{configMap,secret,downwardAPI}.items.user", _NO_OWNER),
    _accepted(
        "spec.volumes.projected.sources.{configMap,secret,downwardAPI}.items.user", _NO_OWNER
    ),
    _accepted(
        "spec.volumes.projected.sources.serviceAccountToken.**",
        f"its file is left out: {_NO_TOKEN}",
    ),
    _refused(
        "spec.volumes.projected.sources.{clusterTrustBundle,podCertificate}.**",
        "there are no certificates of a cluster",
        "remove it, or project a Secret",
    ),
    _refused(
        "spec.volumes.{persistentVolumeClaim,ephemeral}.**",
        "there are no persistent volumes",
        _USE_A_DIRECTORY,
    ),
    _refused(
        "spec.volumes.image.**", "images are not pulled", "unpack it, and use a hostPath volume"
    ),
    _refused(
        "spec.volumes.{nfs,iscsi,fc,cephfs,rbd,glusterfs,csi,flexVolume,gitRepo}.**",
        "it cannot be mounted",
        "mount it on the host, and use a hostPath volume",
    ),
    _refused(
        "spec.volumes.{awsElasticBlockStore,gcePersistentDisk,azureDisk,azureFile,cinder,"
        "vsphereVolume,photonPersistentDisk,portworxVolume,quobyte,scaleIO,storageos,flocker}.**",
        "it cannot be mounted",
        _USE_A_DIRECTORY,
    ),
)

ROWS: tuple[Row, ...] = (*_METADATA, *_POD, *_CONTAINERS, *_VOLUMES)
