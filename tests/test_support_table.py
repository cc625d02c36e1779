"""The README says of each field what the program does with it."""

from __future__ import annotations

from minikubelet.manifest.support import support_table_markdown
from tests.tools.write_support_table import README, current_table, with_table


def test_readme_has_the_table_of_the_program() -> None:
    # Otherwise: python -m tests.tools.write_support_table
    assert current_table(README.read_text()) == support_table_markdown()


def test_the_rest_of_the_text_stays() -> None:
    text = "before\n<!-- support:begin -->\nold\n<!-- support:end -->\nafter\n"
    table = support_table_markdown()
    assert with_table(text) == (
        f"before\n<!-- support:begin -->\n{table}<!-- support:end -->\nafter\n"
    )
