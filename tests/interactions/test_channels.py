from pathlib import Path

import pytest

from perso_pipeline.contracts.errors import ConfigError
from perso_pipeline.interactions.channels import read_channels

ROOT = Path(__file__).parents[2]
KINDS = "source_kinds: {search: [google], social: [t.co], shopping: [ebay], video: [vimeo]}\n"


def _config(folder: Path, channels: str) -> Path:
    (folder / "channels.yml").write_text(f"click_ids: []\n{KINDS}channels:\n  - {channels}\n")
    return folder


def test_the_shipped_channels_are_google_analytics_default_group_in_its_order() -> None:
    assert [channel.id for channel in read_channels(ROOT / "config").channels] == [
        "cross_network", "paid_shopping", "paid_search", "paid_social", "paid_video", "display", "paid_other",
        "organic_shopping", "organic_social", "organic_video", "organic_search", "referral", "email", "affiliates",
        "audio", "sms", "mobile_push",
    ]  # fmt: skip


def test_a_source_kind_fits_between_the_dots_of_a_host_only(tmp_path: Path) -> None:
    channels = read_channels(_config(tmp_path, "{id: social, when: [{source_kind: social}]}"))
    assert channels.variable()["channels"] == [{"id": "social", "when": [[["source", r"(^|\.)(t\.co)(\.|$)"]]]}]


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("{id: a, when: [{medium: '(?=x)'}]}", "'(?=x)' is no regular expression that re2 takes"),
        ("{id: a, when: [{}]}", "a rule needs at least one of source, source_kind, medium and campaign"),
        ("{id: direct, when: [{medium: x}]}", "'direct' is given by the pipeline itself"),
        ("{id: a, when: [{mediun: x}]}", "did you mean 'medium'?"),
        ("{id: a, when: [{source_kind: serch}]}", "channels.0.when.0.source_kind"),
        ('{id: "a\'; drop table x", when: [{medium: x}]}', "channels.yml line 4: channels.0.id"),
    ],
    ids=lambda value: value[:30],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, channel: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_channels(_config(tmp_path, channel))
    assert said in str(error.value)
    assert str(error.value).startswith("channels.yml line")
