"""Seconds, records per second and peak memory of loading storefront events, by format.

    python benchmarks/landing.py [--records 1000000] [--format parquet,jsonl,csv,small] [--folder FOLDER]

Files are made once by DuckDB with a fixed seed; ``small`` is 739 nights of 200 records each. Each format
runs in a process of its own, so that peak memory (resident set of the process) is its own.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb

from perso_pipeline.contracts.sites import Site, Sites
from perso_pipeline.raw.load import load_nights
from perso_pipeline.resources.warehouse import DuckDBWarehouse

SITES = Sites(
    sites=[
        Site(id="shop-uk", name="UK", timezone="Europe/London", currency="GBP"),
        Site(id="shop-de", name="DE", timezone="Europe/Berlin", currency="EUR"),
    ]
)
AGENTS = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]
EVENTS = """
    select
        substr(md5(i::varchar), 1, 24) as event_id,
        ['page_view', 'product_view', 'product_view', 'category_view', 'add_to_cart'][1 + i % 5] as event_type,
        $start::timestamp + to_microseconds((i * 86400000000 / $records)::bigint) as occurred_at,
        ['shop-uk', 'shop-de'][1 + v % 2] as site_id,
        'v' || v % 400000 as visitor_id,
        case when v % 4 = 0 then 'c' || v % 100000 end as customer_id,
        case when i % 5 in (1, 2, 4) then 'item-' || h % 5000 end as item_id,
        case when i % 5 = 3 then 'home/kitchen/mugs' end as category_path,
        case when i % 5 = 4 then case when i % 5000 = 4 then -1 else 1 + h % 3 end end::bigint as quantity,
        case when i % 5 in (1, 2, 4) then (h % 10000 / 100)::decimal(18,4) end as price,
        'GBP' as currency,
        case when i % 5 = 4 then 'cart-' || v end as cart_id,
        case when i % 10 = 1 then 'r-' || h end as request_id,
        'https://shop.example/p/' || h % 5000 || '?ref=list' as url,
        case when i % 8 = 0 then 'https://www.google.com/' end as referrer,
        $agents[1 + v % 50 // 16] as user_agent,
        'GB' as country
    from (select i, (hash(i // 8) >> 8)::bigint as v, (hash(i) >> 8)::bigint as h from range($records) as r(i))"""
OPTIONS = {
    "parquet": "format parquet", "jsonl": "format json", "jsonl.gz": "format json, compression gzip",
    "jsonl.zst": "format json, compression zstd", "csv": "format csv, header",
}  # fmt: skip
START = date(2026, 1, 1)


def make(folder: Path, kind: str, records: int) -> tuple[Path, date]:
    nights = 739 if kind == "small" else 1
    each = 200 if kind == "small" else records
    landing = folder / f"{kind}-{nights * each}"
    last = START + timedelta(days=nights - 1)
    if landing.exists():
        return landing, last
    suffix = "jsonl" if kind == "small" else kind
    for n in range(nights):
        night = START + timedelta(days=n)
        target = landing / "storefront_events" / night.isoformat()
        target.mkdir(parents=True)
        sql = f"copy ({EVENTS}) to '{target / ('events.' + suffix)}' ({OPTIONS[suffix]})"
        duckdb.execute(sql, {"start": night, "records": each, "agents": AGENTS})
    return landing, last


def measure(folder: Path, kind: str, records: int, threads: int) -> dict[str, object]:
    landing, last = make(folder, kind, records)
    home = folder / "warehouse"
    shutil.rmtree(home, ignore_errors=True)
    warehouse = DuckDBWarehouse(home / "perso.duckdb", memory_limit="3GB", threads=threads)
    seconds, cpu = [], []
    for _ in range(2):
        start, busy = time.perf_counter(), time.process_time()
        report = load_nights(
            warehouse, landing_dir=landing, sites=SITES, first=START, last=last, hash_key=b"benchmark",
            streams=["storefront_events"],
        )  # fmt: skip
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - busy)
    return {
        "format": kind, "records": report.delivered, "rejected": report.rejected, "seconds": round(seconds[0], 2),
        "records_per_second": round(report.delivered / seconds[0]), "cpu_seconds": round(cpu[0], 2),
        "reload_seconds": round(seconds[1], 2),
        "reload_cpu_seconds": round(cpu[1], 2), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "warehouse_mb": sum(f.stat().st_size for f in home.iterdir() if f.is_file()) >> 20,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--format", default="parquet,jsonl,jsonl.gz,csv,small")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "landing-bench")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    kinds = options.format.split(",")
    if options.one:
        print(json.dumps(measure(options.folder, kinds[0], options.records, options.threads)))
        return
    for kind in kinds:
        make(options.folder, kind, options.records)
        command = [sys.executable, __file__, "--one", "--format", kind, "--records", str(options.records), "--folder", str(options.folder), "--threads", str(options.threads)]  # fmt: skip
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(done.stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
