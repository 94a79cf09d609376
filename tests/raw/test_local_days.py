"""The day of an event is that of its site's clock, also where the clock changes that day or the record is old."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from perso_pipeline.contracts.sites import Site, Sites
from tests.raw.conftest import Installation, view


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/London", date(2026, 3, 30)),
        ("Asia/Kolkata", date(2026, 3, 30)),
        ("America/Santiago", date(2026, 4, 6)),  # midnight comes twice on the 4th
        ("America/Santiago", date(2026, 9, 7)),  # and not at all on the 6th
        ("Australia/Lord_Howe", date(2026, 4, 6)),  # half an hour back
        ("Pacific/Apia", date(2012, 1, 2)),  # there was no 30 December 2011
    ],
)
def test_days_are_those_of_the_site(shop: Installation, zone: str, night: date) -> None:
    end = datetime(night.year, night.month, night.day, tzinfo=UTC)
    moments = [end - timedelta(minutes=30 * step + 1) for step in range(4 * 48)] + [end - timedelta(days=2000)]
    shop.deliver_json(
        "storefront_events",
        [view(event_id=f"e{i}", occurred_at=at.isoformat()) for i, at in enumerate(moments)],
        night=night,
    )

    shop.load(
        "storefront_events", first=night, sites=Sites(sites=[Site(id="uk", name="UK", timezone=zone, currency="GBP")])
    )

    days = dict(shop.rows("select event_id, event_date from raw.storefront_events"))
    assert days == {f"e{i}": at.astimezone(ZoneInfo(zone)).date() for i, at in enumerate(moments)}
