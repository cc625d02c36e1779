"""What is particular about each kind: defaults, validation, rules of updates. Pure."""
