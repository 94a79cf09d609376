from datetime import date

import duckdb
import pytest

from perso_pipeline.raw.user_agents import LONGEST_AGENT, note_user_agents, read_agents
from perso_pipeline.shop.words import BROWSERS

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "device", "system"),
    [
        (f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/141.0.0.0 Mobile Safari/537.36", "mobile", "Android"),
        (f"Mozilla/5.0 (Linux; Android 14; SM-X710) {WEBKIT} Chrome/141.0.0.0 Safari/537.36", "tablet", "Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/141.0.0.0 Safari/537.36", "desktop", "Chrome OS"),
        (f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) {WEBKIT}", "tv", "Tizen"),
        ("Mozilla/5.0 (PlayStation; PlayStation 5/3.0) AppleWebKit/605.1.15 (KHTML, like Gecko)", "console", None),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "other", None),
        ("x" * (LONGEST_AGENT + 1), "other", None),
        ("'; drop table raw.user_agents; --", "other", None),
    ],
    ids=["phone", "tablet", "chromebook", "television", "console", "robot", "too long", "hostile"],
)  # fmt: skip
def test_the_device_follows_from_the_agent(agent: str, device: str, system: str | None) -> None:
    (row,) = read_agents([agent]).to_pylist()
    assert (row["device_type"], row["os"]) == (device, system)


def test_the_shops_own_browsers_are_read_as_what_the_shop_says_they_are() -> None:
    read = read_agents(agent for agent, _ in BROWSERS)
    assert read["device_type"].to_pylist() == [device for _, device in BROWSERS]


def test_an_agent_is_entered_once_however_often_and_on_however_many_nights_it_comes() -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.user_agents (user_agent text, device_type text, browser text, os text)")
        connection.execute(
            "create table raw.storefront_events as select * from (values ('curl/8.0', date '2026-03-01'), "
            "('curl/8.0', date '2026-03-01'), (null, date '2026-03-01'), ('curl/8.0', date '2026-03-02'), "
            "('wget/1', date '2026-03-03')) as events (user_agent, load_date)"
        )
        for night in (1, 1, 2):
            note_user_agents(connection, date(2026, 3, night), date(2026, 3, night))
        assert connection.execute("from raw.user_agents").fetchall() == [("curl/8.0", "other", "curl", None)]
