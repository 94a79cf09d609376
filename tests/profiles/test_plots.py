"""What is drawn of a night's profiles: counted from the table, one bar for every group of people."""

import duckdb

from perso_pipeline.profiles.plots import _PANELS, _labels, distributions


def test_every_person_of_the_night_stands_in_one_bar_of_every_panel_about_everybody(profiled):
    with duckdb.connect(str(profiled.path), read_only=True) as connection:
        shown = distributions(connection, "2026-01-10")
        (people,) = connection.execute(
            "select count(*) from profiles.customer_profiles where night = '2026-01-10'"
        ).fetchone()
        for title in ("lifecycle", "orders", "sessions in 28 days", "weeks since last seen"):
            counted = connection.execute(
                f"select count({_PANELS[title]}) from profiles.customer_profiles where night = '2026-01-10'"
            ).fetchone()
            assert counted == (people,), title
        assert distributions(connection, "2025-01-01") == {"distributions": "nobody has a profile"}
    assert list(shown) == ["distributions"]
    assert shown["distributions"].startswith("![people by what their profiles say](data:image/png;base64,")


def test_digits_that_only_order_bars_are_not_shown():
    assert _labels(["1 prospect", "5 200 and more", "6+", "0", "direct"]) == [
        "prospect", "200 and more", "6+", "0", "direct",
    ]  # fmt: skip
