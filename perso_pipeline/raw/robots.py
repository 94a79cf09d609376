"""Which user agents are robots.

Robots are marked, not dropped: they take part in no model and no figure, but what they did can be
looked up. The list holds words that robots' own user agents carry, after the IAB list's commonest families and
the defaults of HTTP libraries. Keep behaviour (too many pages a minute) out: that needs sessions.
"""

ROBOT_WORDS = (
    "bot", "crawl", "spider", "slurp", "headless", "phantomjs", "selenium", "puppeteer", "playwright",
    "lighthouse", "pingdom", "uptime", "monitor", "curl/", "wget/", "python-requests", "python-urllib",
    "aiohttp", "httpx", "scrapy", "java/", "okhttp", "go-http-client", "libwww", "apache-httpclient",
    "facebookexternalhit", "preview", "archiver", "validator", "feedfetcher",
)  # fmt: skip
# Telephones and browsers whose names hold one of the words.
NOT_ROBOTS = ("cubot",)


def robot_condition(user_agent: str) -> str:
    """SQL that is true where the expression ``user_agent`` is a robot's, false where it is null."""
    words = "|".join(word.replace("/", "\\/") for word in ROBOT_WORDS)
    innocent = "|".join(NOT_ROBOTS)
    return (
        f"coalesce(regexp_matches({user_agent}, $p$(?i){words}$p$)"
        f" and regexp_matches(regexp_replace({user_agent}, $p$(?i){innocent}$p$, '', 'g'), $p$(?i){words}$p$), false)"
    )
