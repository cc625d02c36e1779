"""The daemon: builds every part, owns the root TaskGroup and the signals."""
