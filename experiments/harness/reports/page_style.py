"""The constant parts of a report page: its content security policy, its style, and the script of its slider."""

from __future__ import annotations

# The browser may fetch nothing: images are data inside the page, and the one script is the page's own.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light; --line: #d9dde3; --quiet: #5c6773; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2430; background: #fff; max-width: 1280px; margin: 0 auto;
  padding: 1.5rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .2rem; } .quiet, figcaption { color: var(--quiet); font-size: .88rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th, td { overflow-wrap: normal; } .facts td { overflow-wrap: anywhere; min-width: 6.5rem; }
th { white-space: nowrap; } tr > th:first-child { position: sticky; left: 0; background: #fff; }
tr.differs td, tr.differs th { background: #fff4d6; } .scroll { overflow-x: auto; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(360px, 100%), 1fr)); gap: 1.4rem 1.6rem; }
figure { margin: 0; } svg { width: 100%; height: auto; display: block; } svg line { stroke: #e7eaee; }
svg line.zero { stroke: #9aa4b0; } svg text { font-size: 10.5px; fill: #5c6773; }
svg polyline { fill: none; stroke-width: 1.4; }
.runs { display: flex; flex-wrap: wrap; gap: 1.5rem; } .runs > div { flex: 1 1 340px; min-width: 0; }
.runs img, .picture img { max-width: 100%; image-rendering: pixelated; } .picture img { image-rendering: auto; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
.warning { border-left: 4px solid #d9822b; background: #fff7ec; padding: .5rem .8rem; margin: .4rem 0; }
@media (max-width: 600px) {
  body { padding: .8rem; } .runs > div { flex-basis: 100%; } .runs img { width: 100%; } svg text { font-size: 12px; }
  th { white-space: normal; } .facts th { max-width: 36vw; }
}
input[type=range] { width: min(640px, 100%); display: block; }
pre { background: #f6f7f9; padding: .7rem; overflow-x: auto; }
details { margin: .8rem 0; } summary { cursor: pointer; }
"""

SCRIPT = """
const slider = document.getElementById('slider');
function show() {
  const step = JSON.parse(slider.dataset.steps)[slider.value];
  document.getElementById('step').textContent = step;
  for (const run of document.querySelectorAll('[data-run]')) {
    const shots = [...run.querySelectorAll('[data-step]')];
    const upTo = shots.filter(shot => Number(shot.dataset.step) <= step);
    const chosen = upTo.length ? upTo[upTo.length - 1] : shots[0];
    for (const shot of shots) shot.hidden = shot !== chosen;
  }
}
if (slider) { slider.addEventListener('input', show); show(); }
"""
