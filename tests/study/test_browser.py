"""A study's page in headless Chromium: under the pointer, without scripts, on paper."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from neurochip import study
from neurochip.study.conduct import Desk, conduct
from neurochip.study.work import Unit
from tests.study.small import Invented, small, url

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FLAGS = [
    *"--headless --no-sandbox --disable-gpu --disable-quic --no-first-run".split(),
    "--hide-scrollbars",
    *"--disable-background-networking --disable-component-update --disable-sync".split(),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the browser's own errands too
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM, reason="the page isn't tested in a browser, because Chromium isn't installed"
    ),
]

#: What a reader does, and what it comes to; errors of the page's own script are told too.
VISIT = """
<pre id="told"></pre>
<script>
  const told = { errors: window.errors, titles: document.querySelectorAll("svg title").length };
  const mark = document.querySelector('svg [data-trial="3"]');
  mark.dispatchEvent(new PointerEvent("pointerover", { bubbles: true, clientX: 50, clientY: 50 }));
  const tip = document.getElementById("tip");
  told.tip = tip.hidden ? null : tip.textContent;
  told.lit = [...document.querySelectorAll(".lit")].map((lit) => lit.dataset.trial + lit.tagName);
  document.body.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  told.left = [tip.hidden, document.querySelectorAll(".lit").length];
  const rows = () => [...document.querySelectorAll("#settings tbody tr")].map((row) => row.id);
  const heads = [...document.querySelectorAll("#settings th button")];
  const head = heads.find((button) => button.textContent === "Accuracy");
  head.click();
  told.up = rows();
  head.click();
  told.down = rows();
  told.links = [...document.querySelectorAll("svg a")].every((link) =>
    document.getElementById(link.getAttribute("href").slice(1)));
  told.asked = performance.getEntriesByType("resource").map((entry) => entry.name);
  told.wide = document.documentElement.scrollWidth - innerWidth;
  document.getElementById("told").textContent = JSON.stringify(told);
</script>
</body>
"""
ERRORS = "<head>\n<script>window.errors = []; onerror = (text) => { errors.push(text); };</script>"


def browse(folder: Path, page: Path, *flags: str) -> str:
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'browser'}", *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of eight settings, the last of which failed."""
    folder = tmp_path_factory.mktemp("page")
    spec = small(knobs={"weight_bits": [4, 8], "trace_bits": [3, 4, 6, 8]})

    def values(unit: Unit) -> tuple[float, ...] | str:
        weight, trace = unit.setting.values()
        if (weight, trace) == (8, 8):
            return "there is <no> room & no time"
        return 0.8 + 0.01 * weight + 0.001 * ((trace * 3) % 7) + 0.001 * unit.seed, 100.0 * weight

    with study.open_store(spec, url(folder)) as store:
        conduct(Desk(spec, store), Invented(spec, values), 1)
        study.write_report(study.table_of(store), folder / "page.html")
    return folder / "page.html"


def test_under_the_pointer_a_mark_says_what_it_is_and_all_of_its_trial_is_lit(
    page: Path, tmp_path: Path
) -> None:
    visited = tmp_path / "visited.html"
    text = page.read_text().replace("<head>", ERRORS, 1)
    visited.write_text(text.replace("</body>", VISIT, 1))
    dom = browse(tmp_path, visited, "--dump-dom")
    found = re.search(r'<pre id="told">(.*?)</pre>', dom)
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    assert told["errors"] == []
    assert told["titles"] == 0  # the page's own hints stand in for them
    assert re.fullmatch(
        r"trial 3: weight_bits 4, trace_bits 8; accuracy .* % ± .* %; memory 400 ± 0", told["tip"]
    )
    assert sorted(told["lit"]) == ["3TR", *["3g"] * 5]  # row; maps, knobs, front
    assert told["left"] == [True, 0]
    order = [f"trial-{number}" for number in (0, 3, 2, 1, 4, 6, 5)]
    assert told["up"] == [*order, "trial-7"]  # which has no number
    assert told["down"] == ["trial-7", *reversed(order)]
    assert told["links"]
    assert told["asked"] == []  # nothing but the page itself
    assert told["wide"] <= 0


def test_without_scripts_the_page_says_all_of_it(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    assert text.count("<title>trial 3: weight_bits 4, trace_bits 8; accuracy") == 5
    assert "there is &lt;no&gt; room &amp; no time" in text
    still = tmp_path / "still.html"
    still.write_text(re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL))
    shot = tmp_path / "shot.png"
    browse(tmp_path, still, f"--screenshot={shot}", "--window-size=900,1600")
    seen = imread(shot)
    inked = (seen[..., :3].min(axis=2) < 0.9).mean(axis=1) > 0
    assert np.flatnonzero(inked).max() > 1500  # to the end of the window
    assert seen.shape[:2] == (1600, 900)


def test_on_paper_it_is_pages(page: Path, tmp_path: Path) -> None:
    paper = tmp_path / "page.pdf"
    browse(tmp_path, page, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    content = paper.read_bytes()
    assert content.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 8
