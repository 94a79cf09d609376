import pyarrow as pa

from perso_pipeline.resources.display import markdown_table


def test_text_cannot_break_out_of_its_cell() -> None:
    rows = pa.table({"name": ["a|b", "<script>", "two\nlines", None], "share": [0.123456, 1.0, 2.0, None]})
    assert markdown_table(rows).splitlines() == [
        "| name | share |",
        "|---|---|",
        "| a\\|b | 0.1235 |",
        "| &lt;script> | 1 |",
        "| two lines | 2 |",
        "|  |  |",
    ]


def test_a_long_table_is_cut() -> None:
    assert len(markdown_table(pa.table({"n": list(range(50))}), limit=3).splitlines()) == 2 + 3


def test_a_long_text_shows_that_it_is_cut() -> None:
    rows = pa.table({"text": ["a" * 81, "b" * 80]})
    assert markdown_table(rows).splitlines()[2:] == [f"| {'a' * 79}… |", f"| {'b' * 80} |"]
    assert markdown_table(rows, longest=81).splitlines()[2] == f"| {'a' * 81} |"


def test_a_cell_may_be_shown_whole() -> None:
    words = pa.table({"words": ["a|b" * 60]})
    assert len(markdown_table(words)) < len(markdown_table(words, longest=None))
    assert "a\\|b" * 60 in markdown_table(words, longest=None)
