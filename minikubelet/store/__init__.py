"""Kubernetes objects: the table of kinds, versions and conflicts, watches, patches."""
