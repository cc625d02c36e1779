"""Bodies of real commands: what kubectl 1.33 sends in protobuf, and 1.31 in JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

RECORDED: dict[str, tuple[bytes, Any]] = {}


def _record(command: str, protobuf: str, as_json: str) -> None:
    RECORDED[command] = base64.b64decode(protobuf), json.loads(as_json)


_record(
    "create configmap a --from-literal=k=v --from-literal=e= --from-file=f.txt --from-file=f.bin",
    (
        "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEkEKEQoBYRIAGgAiACoAMgA4AEIAEgUKAWUSABIPCgVmLnR4dBIG"
        "aGVsbG8KEgYKAWsSAXYaDAoFZi5iaW4SA/8AARoAIgA="
    ),
    (
        '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"e":"","f.'
        'txt":"hello\\n","k":"v"},"binaryData":{"f.bin":"/wAB"}}'
    ),
)
_record(
    "create job a --from=cronjob/cj",
    (
        "azhzAAoPCghiYXRjaC92MRIDSm9iEr4FCmYKAWESABoAIgAqADIAOABCAGIGCgFhEgFiYisKIWNyb25q"
        "b2Iua3ViZXJuZXRlcy5pby9pbnN0YW50aWF0ZRIGbWFudWFsah4KB0Nyb25Kb2IaAmNqIgN1LTEqCGJh"
        "dGNoL3YxMAESyQQQAzK+BAoaCgASABoAIgAqADIAOABCAFoICgNhcHASAXgSnwQKCQoBZRIEEgIKAAoW"
        "CgFzEhESDwoGTWVtb3J5EgUKAzVNaQobCgFjEhaaARMKBAoCY20SCAoBaxIBcBgAGKQDCjEKAXASLNIB"
        "KQoJCgcKAwoBcyAAChwSGgoYCgFsEhMKABIPbWV0YWRhdGEubGFiZWxzEqoCCgFjEgdidXN5Ym94GgJz"
        "aBoCLWMaBcOp4piDIgAiAXgqADIOCgRodHRwEAAYUCIAKgA6BQoBQRIAOgYKAUISAXY6FAoBQxIAGg0a"
        "CwoECgJjbRIBaxgBOh0KAUQSABoWEhQKABIKbGltaXRzLmNwdRoECgIxbUIhCg0KA2NwdRIGCgQ1MDBt"
        "ChAKBm1lbW9yeRIGCgQ2NE1pUiwKHhIcCgIvaBIKCAEQABoEaHR0cBoAIgAqBgoBWBIBeRADGAAgACgA"
        "MAA4AFoSCgYiBAgJEgAQABgAIAAoADAAYgYSBCICCABqAHIAegsKBRIDQUxMEAAoAYABAYgBAJABAJoB"
        "CwoCUF8aBQoDCgFzogEAsgEZCg0aCwoHCAAQkD8aABIAEAAYACAAKAAwABoJT25GYWlsdXJlIAAyAEIA"
        "SgBSAFgAYABoAHIKEAAgASAAIAMoB4IBAIoBAJoBAKIBIwoBaRIBaSoAQgBqAHIAgAEAiAEAkAEAogEA"
        "wgEGQWx3YXlzqAEAsgERCgFrEgZFeGlzdHMaACIAKAC6AQwKBzEuMi4zLjQSAWHCAQA4AEAAUAAaCCAA"
        "KAAwADoAGgAiAA=="
    ),
    (
        '{"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"a","annotations":{"a":'
        '"b","cronjob.kubernetes.io/instantiate":"manual"},"ownerReferences":[{"apiVersio'
        'n":"batch/v1","kind":"CronJob","name":"cj","uid":"u-1","controller":true}]},"spe'
        'c":{"completions":3,"backoffLimit":0,"template":{"metadata":{"labels":{"app":"x"'
        '}},"spec":{"volumes":[{"name":"e","emptyDir":{}},{"name":"s","emptyDir":{"medium'
        '":"Memory","sizeLimit":"5Mi"}},{"name":"c","configMap":{"name":"cm","items":[{"k'
        'ey":"k","path":"p","mode":0}],"defaultMode":420}},{"name":"p","projected":{"sour'
        'ces":[{"secret":{"name":"s","optional":false}},{"downwardAPI":{"items":[{"path":'
        '"l","fieldRef":{"fieldPath":"metadata.labels"}}]}}]}}],"initContainers":[{"name"'
        ':"i","image":"i","resources":{},"restartPolicy":"Always"}],"containers":[{"name"'
        ':"c","image":"busybox","command":["sh","-c","é☃"],"args":["","x"],"ports":[{"nam'
        'e":"http","containerPort":80}],"envFrom":[{"prefix":"P_","secretRef":{"name":"s"'
        '}}],"env":[{"name":"A"},{"name":"B","value":"v"},{"name":"C","valueFrom":{"confi'
        'gMapKeyRef":{"name":"cm","key":"k","optional":true}}},{"name":"D","valueFrom":{"'
        'resourceFieldRef":{"resource":"limits.cpu","divisor":"1m"}}}],"resources":{"limi'
        'ts":{"cpu":"500m","memory":"64Mi"}},"livenessProbe":{"httpGet":{"path":"/h","por'
        't":"http","httpHeaders":[{"name":"X","value":"y"}]},"initialDelaySeconds":3,"ter'
        'minationGracePeriodSeconds":0},"readinessProbe":{"grpc":{"port":9,"service":""}}'
        ',"startupProbe":{"tcpSocket":{"port":8080}},"lifecycle":{"preStop":{"sleep":{"se'
        'conds":0}}},"securityContext":{"capabilities":{"drop":["ALL"]},"privileged":fals'
        'e,"runAsNonRoot":true},"stdin":true}],"restartPolicy":"OnFailure","terminationGr'
        'acePeriodSeconds":0,"automountServiceAccountToken":false,"securityContext":{"run'
        'AsUser":0,"supplementalGroups":[1,0,3],"fsGroup":7},"tolerations":[{"key":"k","o'
        'perator":"Exists","tolerationSeconds":0}],"hostAliases":[{"ip":"1.2.3.4","hostna'
        'mes":["a"]}]}},"ttlSecondsAfterFinished":0,"suspend":false},"status":{}}'
    ),
)
_record(
    "create deployment a --image=busybox --replicas=0 --port=80",
    (
        "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErQBChsKAWESABoAIgAqADIAOABCAFoICgNhcHASAWES"
        "hgEIABIKCggKA2FwcBIBYRpuChoKABIAGgAiACoAMgA4AEIAWggKA2FwcBIBYRJQEjIKB2J1c3lib3gS"
        "B2J1c3lib3gqADIKCgAQABhQIgAqAEIAagByAIABAIgBAJABAKIBABoAMgBCAEoAUgBYAGAAaACCAQCK"
        "AQCaAQDCAQAiAgoAKAA4ABoMCAAQABgAIAAoADgAGgAiAA=="
    ),
    (
        '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"a","labels":{"ap'
        'p":"a"}},"spec":{"replicas":0,"selector":{"matchLabels":{"app":"a"}},"template":'
        '{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"busybox","imag'
        'e":"busybox","ports":[{"containerPort":80}],"resources":{}}]}},"strategy":{}},"s'
        'tatus":{}}'
    ),
)
_record(
    "create service clusterip a --tcp=80:8080 --tcp=81:http",
    (
        "azhzAAoNCgJ2MRIHU2VydmljZRKDAQobCgFhEgAaACIAKgAyADgAQgBaCAoDYXBwEgFhEmAKGwoHODAt"
        "ODA4MBIDVENQGFAiBwgAEJA/GgAoAAoeCgc4MS1odHRwEgNUQ1AYUSIKCAEQABoEaHR0cCgAEggKA2Fw"
        "cBIBYRoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA=="
    ),
    (
        '{"kind":"Service","apiVersion":"v1","metadata":{"name":"a","labels":{"app":"a"}}'
        ',"spec":{"ports":[{"name":"80-8080","protocol":"TCP","port":80,"targetPort":8080'
        '},{"name":"81-http","protocol":"TCP","port":81,"targetPort":"http"}],"selector":'
        '{"app":"a"},"type":"ClusterIP"},"status":{"loadBalancer":{}}}'
    ),
)
_record(
    "create token a --duration=600s --audience=x --bound-object-kind=Pod --bound-object-name=p",
    (
        "azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIxChAKABIAGgAiACoA"
        "MgA4AEIAEhcKAXgaDwoDUG9kEgJ2MRoBcCIBdSDYBBoECgASABoAIgA="
    ),
    (
        '{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","metadata":{},"sp'
        'ec":{"audiences":["x"],"expirationSeconds":600,"boundObjectRef":{"kind":"Pod","a'
        'piVersion":"v1","name":"p","uid":"u"}},"status":{"token":""}}'
    ),
)
_record(
    "auth can-i get pods/log -n x",
    (
        "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSOQoQ"
        "CgASABoAIgAqADIAOABCABIbChkKAXgSA2dldBoAIgAqBHBvZHMyADoDbG9nGggIABIAGgAgABoAIgA="
    ),
    (
        '{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metada'
        'ta":{},"spec":{"resourceAttributes":{"namespace":"x","verb":"get","resource":"po'
        'ds","name":"log"}},"status":{"allowed":false}}'
    ),
)
_record(
    "drain n --disable-eviction --grace-period=3",
    ("azhzAAoTCgJ2MRINRGVsZXRlT3B0aW9ucxICCAMaACIA"),
    ('{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":3}'),
)
_record(
    "create secret generic a --from-literal=k=v --from-literal=e= --type=x/y",
    ("azhzAAoMCgJ2MRIGU2VjcmV0EicKEQoBYRIAGgAiACoAMgA4AEIAEgUKAWUSABIGCgFrEgF2GgN4L3kaACIA"),
    (
        '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"},"data":{"e":"","k":"d'
        'g=="},"type":"x/y"}'
    ),
)
_record(
    "create poddisruptionbudget a --selector=a=b --min-available=50%",
    (
        "azhzAAogCglwb2xpY3kvdjESE1BvZERpc3J1cHRpb25CdWRnZXQSNgoRCgFhEgAaACIAKgAyADgAQgAS"
        "FQoJCAEQABoDNTAlEggKBgoBYRIBYhoKCAAYACAAKAAwABoAIgA="
    ),
    (
        '{"kind":"PodDisruptionBudget","apiVersion":"policy/v1","metadata":{"name":"a"},"'
        'spec":{"minAvailable":"50%","selector":{"matchLabels":{"a":"b"}}},"status":{"dis'
        'ruptionsAllowed":0,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}}'
    ),
)
