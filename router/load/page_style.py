"""The page's styles: on paper and in the dark, at any width."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --dim: #5b6675; --rule: #dfe4ea;
  --panel: #f6f8fa; --s1: #1f6fb5; --s2: #c2410c; --s3: #15803d; --s4: #7e3fa8; --s5: #8a6d00;
  --good: #15803d; --warn: #b45309; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e4e9f0; --dim: #98a4b3;
  --rule: #2b333d;
  --panel: #1a2028; --s1: #62aeea; --s2: #f59e6c; --s3: #5fcf86; --s4: #c79af0; --s5: #e3c34d;
  --good: #5fcf86; --warn: #f0b04f; --bad: #f48a8a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 1000px; background: var(--paper);
  color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 32px 0 8px; }
p { margin: 4px 0; } .dim { color: var(--dim); }
.good { color: var(--good); } .bad { color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 10px;
  margin: 16px 0; }
.tiles div { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px;
  padding: 8px 12px; }
.tiles b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; }
figure { margin: 16px 0; padding: 12px; border: 1px solid var(--rule); border-radius: 6px; }
figcaption { font-weight: 600; margin-bottom: 4px; }
svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--dim);
  margin-bottom: 4px; }
.legend span { display: inline-flex; align-items: center; gap: 6px; } .key { width: 28px; height: 8px; }
.label { fill: var(--dim); font-size: 11.5px; } .grid { stroke: var(--rule); stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.series-1 { stroke: var(--s1); } .series-2 { stroke: var(--s2); } .series-3 { stroke: var(--s3); }
.series-4 { stroke: var(--s4); } .series-5 { stroke: var(--s5); }
.of-all { stroke: var(--dim); } .of-taken { stroke: var(--good); } .of-refused { stroke: var(--s1); }
.of-shed { stroke: var(--warn); } .of-failed, .of-unanswered, .of-never_sent { stroke: var(--bad); }
.mark { fill: var(--paper); stroke-width: 1.4; }
.bar { fill: var(--s1); } .taken { fill: var(--good); } .refused { fill: var(--s1); }
  .shed { fill: var(--warn); }
.failed, .unanswered, .never_sent { fill: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; min-width: 60%; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--rule); text-align: left;
  white-space: nowrap; }
th { color: var(--dim); font-weight: 500; } .n { text-align: right; }
"""
