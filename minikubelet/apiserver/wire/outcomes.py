"""How a session ended, as the client is told (K-74, K-76).

Role: exit code or message → the Status of the error channel, or its text. Pure.
Upstream: k8s.io/apiserver wsstream and pkg/kubelet remotecommand; texts are kubectl's.
"""

from __future__ import annotations

import json

from minikubelet.manifest.json_tree import Json
from minikubelet.value_class import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`exit_code` None: the session failed, and `message` says why."""

    exit_code: int | None
    message: str = ""

    @property
    def status(self) -> Json:
        if self.exit_code == 0:
            return {"metadata": {}, "status": "Success"}
        if self.exit_code is not None:
            return {
                "metadata": {},
                "status": "Failure",
                "message": f"command terminated with exit code {self.exit_code}",
                "reason": "NonZeroExitCode",
                "details": {"causes": [{"reason": "ExitCode", "message": str(self.exit_code)}]},
            }
        return {
            "metadata": {},
            "status": "Failure",
            "message": f"Internal error occurred: {self.message}",
            "reason": "InternalError",
            "details": {"causes": [{"message": self.message}]},
            "code": 500,
        }

    def encode(self, *, as_status: bool) -> bytes:
        """Empty where there is nothing to say: success, in protocols before v4."""
        if as_status:
            return json.dumps(self.status, separators=(",", ":")).encode()
        return b"" if self.exit_code == 0 else str(self.status["message"]).encode()
