"""Kubernetes Pod manifests as plain local processes, with the kubelet's exact behavior."""

__version__ = "0.1.0"
