"""Write the README's support table from the table that the program uses.

Run `python -m tests.tools.write_support_table` from the project's directory after a change of
`minikubelet/manifest/support_rows.py`.
"""

from __future__ import annotations

from pathlib import Path

from minikubelet.manifest.support import support_table_markdown

BEGIN = "<!-- support:begin -->\n"
END = "<!-- support:end -->"
README = Path(__file__).parents[2] / "README.md"


def current_table(text: str) -> str:
    """What stands between the markers; raises ValueError without them."""
    _, begin, rest = text.partition(BEGIN)
    table, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN.strip()} … {END}")
    return table


def with_table(text: str) -> str:
    return text.replace(BEGIN + current_table(text) + END, BEGIN + support_table_markdown() + END)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
