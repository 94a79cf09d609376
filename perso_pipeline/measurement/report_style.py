"""The report's stylesheet: light and dark, from phone to wall. No fonts or pictures from elsewhere."""

# ruff: noqa: E501  (a line is one rule or one group of rules)

CSS = """
:root{--ink:#1c2733;--soft:#5b6876;--line:#dde3ea;--back:#f6f8fa;--card:#fff;--good:#15803d;--bad:#b42318;--warn:#a15c00;
--s0:#2f6db3;--s1:#e07b39;--s2:#2f9e77;--s3:#c4518a;--s4:#8a6fd1;--s5:#b8922a;--s6:#4aa8c0;--s7:#8b97a5}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--line:#2d3742;--back:#0f151b;--card:#171f27;
--good:#4ade80;--bad:#f97066;--warn:#f5b94d;--s0:#5b9be0;--s1:#f0975c;--s2:#4cc498;--s3:#e07fb0;--s4:#a993e8;--s5:#d9b650;
--s6:#6cc6dc;--s7:#8e9aa7}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1280px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:40px 0 4px}h3{font-size:1rem;margin:20px 0 6px}
p{margin:4px 0 10px}.soft,figcaption{color:var(--soft);font-size:.9em}
.headline{font-size:1.2rem;line-height:1.45;margin:14px 0 18px;padding:14px 18px;background:var(--card);
border-left:4px solid var(--s0);border-radius:6px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:12px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
.card b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}.card dl{margin:8px 0 0;display:grid;
grid-template-columns:auto auto;gap:2px 10px}.card dt{color:var(--soft)}.card dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px;margin:6px 0 10px}
table{border-collapse:collapse;width:100%;font-size:.84rem}
th,td{padding:6px 8px;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
td.wrap{white-space:normal;min-width:240px}
th{color:var(--soft);font-weight:600;white-space:normal;vertical-align:bottom}.num{text-align:right;font-variant-numeric:tabular-nums}
tr:last-child td{border-bottom:0}tr.total td{font-weight:700;border-top:2px solid var(--line)}tr.rest td{color:var(--soft)}
.tag{display:inline-block;padding:0 8px;border-radius:10px;border:1px solid currentColor;font-size:.82em}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
figure{margin:6px 0 10px;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px}
svg{display:block;width:100%;height:auto}svg text{font-size:11px;fill:var(--soft)}
svg .grid{stroke:var(--line)}svg .axis{stroke:var(--soft)}
svg.whisker{width:160px;height:20px}svg line.better,svg line.worse,svg line.open{stroke-width:3}
svg .better{stroke:var(--good);fill:var(--good)}svg .worse{stroke:var(--bad);fill:var(--bad)}svg .open{stroke:var(--soft);fill:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:8px 0 0;padding:0 0 0 8px;font-size:.88rem}
.legend i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}
.s0{fill:var(--s0);background:var(--s0)}.s1{fill:var(--s1);background:var(--s1)}.s2{fill:var(--s2);background:var(--s2)}
.s3{fill:var(--s3);background:var(--s3)}.s4{fill:var(--s4);background:var(--s4)}.s5{fill:var(--s5);background:var(--s5)}
.s6{fill:var(--s6);background:var(--s6)}.s7{fill:var(--s7);background:var(--s7)}
dl.terms{display:grid;grid-template-columns:minmax(120px,190px) 1fr;gap:6px 16px}dl.terms dt{font-weight:600}dl.terms dd{margin:0}
@media(max-width:600px){main{padding:16px 10px 40px}.headline{font-size:1.05rem}dl.terms{grid-template-columns:1fr}dl.terms dd{margin-bottom:8px}
figure{overflow-x:auto}figure>svg{min-width:560px}}
@media print{body{background:#fff}.scroll{overflow:visible}}
"""
