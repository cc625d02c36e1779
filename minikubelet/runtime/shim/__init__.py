"""A program of its own: the spawner, and the shims that it forks.

Standard library only, and little of that: each import costs start-up time once, and memory in every
shim, since what a shim touches of it is copied. So `typing` and `dataclasses` are for type checkers
alone here: `TYPE_CHECKING` is false without an import.
"""
