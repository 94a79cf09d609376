"""Mistakes in the block ``submodels`` of config/models.yml."""

import pytest
from pydantic import ValidationError

from tests.models.cutting import SUBMODEL


@pytest.mark.parametrize(
    ("submodel", "message"),
    [
        ({"by": "segment", "id": "main", "segments": ["a"]}, "pipeline's own lists"),
        ({"by": "segment", "segments": ["a", "b", "a"]}, "segment 'a' stands twice"),
        ({"by": "segment", "segments": ["a"], "lists": []}, "asks for no list"),
        ({"by": "attribute", "attribute": "x", "groups": {"a": ["1"], "b": ["1"]}}, "value '1' stands twice"),
        ({"by": "attribute", "attribute": "x", "groups": {"a": ["1"]}, "ranges": []}, "groups and ranges"),
        ({"by": "attribute", "attribute": "x", "ranges": [{"id": "a", "at_least": 3, "below": 2}]}, "lower end below"),
        ({"by": "attribute", "attribute": "x", "ranges": [{"id": "a"}, {"id": "b", "at_least": 1}]}, "lower end below"),
        (
            {"by": "attribute", "attribute": "x", "ranges": [{"id": "a", "below": 5}, {"id": "b", "at_least": 4}]},
            "overlap",
        ),
        ({"by": "time_slot", "slots": [{"id": "n", "from_hour": 22, "to_hour": 6}]}, "cross midnight"),
        (
            {
                "by": "time_slot",
                "slots": [{"id": "a", "from_hour": 6, "to_hour": 12}, {"id": "b", "from_hour": 11, "to_hour": 13}],
            },
            "slots 'a' and 'b' of submodel 's' overlap",
        ),
        ({"by": "segment", "segments": ["a"], "personal": "session"}, "personal"),
    ],
)
def test_a_mistake_in_a_submodel_is_named(submodel, message):
    with pytest.raises(ValidationError, match=message):
        SUBMODEL.validate_python({"id": "s", **submodel})


def test_slots_of_other_days_may_share_hours(config):
    slots = [
        {"id": "a", "from_hour": 6, "to_hour": 12, "days": ["mon"]},
        {"id": "b", "from_hour": 6, "to_hour": 12, "days": ["sat"]},
    ]
    assert len(SUBMODEL.validate_python({"id": "s", "by": "time_slot", "slots": slots}).slots) == 2
