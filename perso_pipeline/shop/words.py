"""What the simulated shop says: categories, styles, brands, browsers, sources, searches.

Pure constants. Keep rates and randomness with the modules that use them.
"""

import itertools
import json

# (category path, noun, median price in GBP)
LEAVES: tuple[tuple[str, str, float], ...] = (
    ("home/kitchen/mugs", "Mug", 9.0), ("home/living/cushions", "Cushion", 22.0),
    ("garden/plants/pots", "Plant Pot", 14.0), ("fashion/accessories/scarves", "Scarf", 24.0),
    ("home/kitchen/cookware", "Casserole", 58.0), ("gifts/stationery/notebooks", "Notebook", 11.0),
    ("home/bedroom/bedding", "Duvet Set", 64.0), ("kids/toys/wooden", "Wooden Toy", 19.0),
    ("home/lighting/lamps", "Table Lamp", 46.0), ("beauty/body/soap", "Soap", 7.0),
    ("fashion/bags/totes", "Tote Bag", 29.0), ("garden/outdoor/lanterns", "Lantern", 26.0),
    ("home/kitchen/knives", "Knife", 34.0), ("gifts/seasonal/candles", "Candle", 16.0),
    ("kids/room/nightlights", "Night Light", 21.0), ("fashion/jewellery/earrings", "Earrings", 27.0),
    ("home/living/throws", "Throw", 44.0), ("garden/tools/secateurs", "Secateurs", 23.0),
    ("home/bathroom/towels", "Towel", 18.0), ("food/pantry/tea", "Tea", 8.0),
    ("home/living/rugs", "Rug", 120.0), ("fashion/nightwear/robes", "Robe", 49.0),
    ("gifts/games/puzzles", "Puzzle", 17.0), ("home/kitchen/glassware", "Glass Set", 28.0),
    ("kids/books/picture", "Picture Book", 10.0), ("beauty/fragrance/diffusers", "Diffuser", 31.0),
    ("home/storage/baskets", "Basket", 25.0), ("garden/furniture/chairs", "Garden Chair", 89.0),
    ("home/decor/vases", "Vase", 33.0), ("food/pantry/chocolate", "Chocolate", 9.0),
    ("fashion/footwear/slippers", "Slippers", 32.0), ("home/decor/frames", "Picture Frame", 19.0),
    ("home/office/desk", "Desk Tidy", 15.0), ("gifts/stationery/pens", "Pen", 13.0),
    ("home/kitchen/bakeware", "Baking Tin", 16.0), ("home/decor/mirrors", "Mirror", 74.0),
    ("kids/toys/soft", "Soft Toy", 20.0), ("beauty/body/lotion", "Hand Cream", 14.0),
    ("garden/plants/seeds", "Seed Box", 8.0), ("home/decor/clocks", "Clock", 39.0),
    ("fashion/accessories/gloves", "Gloves", 22.0), ("home/bedroom/pillows", "Pillow", 30.0),
    ("food/drinks/cordial", "Cordial", 7.0), ("gifts/seasonal/wreaths", "Wreath", 36.0),
    ("home/lighting/pendants", "Pendant", 69.0), ("garden/outdoor/firepits", "Fire Pit", 130.0),
    ("pets/dogs/beds", "Dog Bed", 48.0), ("pets/cats/toys", "Cat Toy", 8.0),
)  # fmt: skip

STYLES: tuple[str, ...] = (
    "Nordic", "Heritage", "Botanical", "Coastal", "Industrial", "Folk", "Minimal", "Retro",
    "Artisan", "Alpine", "Cottage", "Festival",
)  # fmt: skip

FINISHES: tuple[str, ...] = (
    "Sage", "Charcoal", "Ivory", "Ochre", "Indigo", "Blush", "Walnut", "Slate", "Copper", "Linen",
    "Moss", "Rust", "Pearl", "Teal", "Plum", "Sand",
)  # fmt: skip

BRANDS: tuple[str, ...] = (
    "Fjordhus", "Barrow & Sons", "Fern Lane", "Saltmarsh", "Ironbridge", "Tilda Folk", "Plain Works", "Jukebox",
    "Hand & Kiln", "Steinbock", "Rosehip", "Gala Days", "Lund", "Old Mill", "Petal Press", "Harbour Light",
    "Foundry 9", "Meadowcraft", "Blank Studio", "Sixties Co", "Clay Road", "Edelholz", "Thatch", "Confetti",
    "Alder", "Finch", "Kestrel", "Wren", "Juniper", "Bramble", "Otter", "Heron",
)  # fmt: skip

ARTICLES: tuple[str, ...] = (
    "How to layer light", "Ten plants for shade", "Caring for linen", "A table for eight", "Small rooms, big rugs",
    "Gifts under twenty", "The slow breakfast", "Choosing a knife", "Autumn wreaths", "Wrapping without tape",
    "A desk that works", "Winter scents",
)  # fmt: skip

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"

# (user agent, kind of device)
BROWSERS: tuple[tuple[str, str], ...] = (
    (f"{_WINDOWS} {_WEBKIT} Chrome/141.0.0.0 Safari/537.36", "desktop"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Version/26.0 Safari/605.1.15", "desktop"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "desktop"),
    (f"{_WINDOWS} {_WEBKIT} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "desktop"),
    (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_SAFARI} Version/18.6 Mobile/15E148 Safari/604.1",
        "mobile",
    ),
    (f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_WEBKIT} Chrome/141.0.0.0 Mobile Safari/537.36", "mobile"),
    (f"Mozilla/5.0 (Linux; Android 14; SM-S921B) {_WEBKIT} SamsungBrowser/28.0 Mobile Safari/537.36", "mobile"),
    ("AlderFinch/4.2 (iPhone; iOS 18.6; app)", "mobile"),
    (f"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) {_SAFARI} Version/18.6 Mobile/15E148 Safari/604.1", "tablet"),
    (f"Mozilla/5.0 (Linux; Android 14; SM-X710) {_WEBKIT} Chrome/141.0.0.0 Safari/537.36", "tablet"),
)
APP_BROWSER = 7

ROBOTS: tuple[str, ...] = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.32.3",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
)

# (share, referrer, utm_source, utm_medium, utm_campaign, kind of click id)
SOURCES: tuple[tuple[float, str | None, str | None, str | None, str | None, str | None], ...] = (
    (0.30, None, None, None, None, None),
    (0.24, "https://www.google.com/", None, None, None, None),
    (0.03, "https://www.bing.com/", None, None, None, None),
    (0.11, "https://www.google.com/", "google", "cpc", "brand", "gclid"),
    (0.03, "https://www.bing.com/", "bing", "cpc", "generic", "msclkid"),
    (0.06, None, "newsletter", "email", "weekly", None),
    (0.05, "https://www.instagram.com/", None, None, None, None),
    (0.02, "https://www.pinterest.com/", None, None, None, None),
    (0.05, "https://www.facebook.com/", "facebook", "paid_social", "autumn", "fbclid"),
    (0.05, "https://blog.example.org/best-gifts", None, None, None, None),
    (0.03, "https://cashback.example.org/", "cashback", "affiliate", "partners", None),
    (0.03, "https://ads.example.net/", "display-net", "display", "retargeting", None),
)
EMAIL_SOURCE = 5

PAGES: tuple[str, ...] = (
    "/",
    "/delivery",
    "/about",
    "/stores",
    "/account",
    "/cart",
    "/checkout",
    "/thank-you",
    "/search",
)
FINDLESS: tuple[str, ...] = ("gift vuocher", "sofa bed", "returns", "size guide", "xmas tre")
CONTACTS: tuple[str, ...] = (
    "where is my order anna.smith@example.com", "call me on +44 7700 900123", "max.muster@example.org rechnung",
)  # fmt: skip

_COLOURS = (["red"], ["blue"], ["green"], ["white", "black"], ["red", "white"])
TRAITS = [  # what a catalogue says of an item in its own words, a JSON object
    json.dumps({"colour": colours, "material": material, "is_recycled": material == "paper", "weight_g": weight})
    for colours, material, weight in itertools.product(_COLOURS, ("cotton", "wood", "paper", "glass"), (90, 450))
]
