"""``raw.user_agents``: what each delivered user agent says of device, browser and operating system.

ua-parser reads the agent (its patterns are the community's, kept by uap-core); the kind of device follows from what
it finds. Few agents, many records: each is read once, when it first arrives. Robots are ``robots``'.
"""

from collections.abc import Iterable
from datetime import date

import duckdb
import pyarrow as pa
import ua_parser

LONGEST_AGENT = 1_000  # characters; what is longer is no browser's, and patterns take long over it
_DESKTOPS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"})
_PHONES = frozenset({"iOS", "Android", "Windows Phone", "BlackBerry OS", "KaiOS", "HarmonyOS"})
_TABLET_WORDS = ("ipad", "tablet", "kindle", "playbook")
_TV_WORDS = ("smart-tv", "smarttv", "apple tv", "appletv", "roku", "chromecast", "bravia", "hbbtv", "aft")
_CONSOLE_WORDS = ("playstation", "xbox", "nintendo")


def note_user_agents(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> None:
    """Enter the agents that the nights' storefront events brought for the first time."""
    agents = connection.execute(
        """
        select distinct user_agent from raw.storefront_events
        where load_date between ? and ? and user_agent is not null
            and user_agent not in (select user_agent from raw.user_agents)
        order by user_agent""",
        [first, last],
    ).fetchall()
    if agents:
        connection.register("new_user_agents", read_agents(agent for (agent,) in agents))
        connection.execute("insert into raw.user_agents by name from new_user_agents")
        connection.unregister("new_user_agents")


def read_agents(agents: Iterable[str]) -> pa.Table:
    """Columns user_agent, device_type, browser and os; the last two null where nothing known is named."""
    rows = []
    for agent in agents:
        found = ua_parser.parse(agent) if len(agent) <= LONGEST_AGENT else None
        device = " ".join(filter(None, [found.device.family, found.device.brand])) if found and found.device else ""
        system = found.os.family if found and found.os else None
        browser = found.user_agent.family if found and found.user_agent else None
        rows.append((agent, _device_type(agent, device.lower(), system), browser, system))
    names = ("user_agent", "device_type", "browser", "os")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def _device_type(agent: str, device: str, system: str | None) -> str:
    def names(words: tuple[str, ...]) -> bool:
        return any(word in device for word in words)

    if "spider" in device:
        return "other"
    if names(_TV_WORDS) or device.endswith(" tv"):
        return "tv"
    if names(_CONSOLE_WORDS):
        return "console"
    if names(_TABLET_WORDS):
        return "tablet"
    if system == "Android":  # Android's own convention: telephones say Mobile, tablets do not
        return "mobile" if "Mobile" in agent else "tablet"
    if system in _PHONES or "smartphone" in device or "feature phone" in device:
        return "mobile"
    return "desktop" if system in _DESKTOPS else "other"
