"""What a page does under the pointer. Without scripts all of it is there but the comfort: hints are
titles, marks lead to rows of the table, rows are in the order of trials.
"""

from __future__ import annotations

STYLE = """
[data-trial] { cursor: pointer; }
svg [data-trial].lit path, svg [data-trial].lit use {
  stroke: #000 !important; stroke-width: 2.5px !important; }
tr.lit, tr:target { background: #fff3c4; }
th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid #0072b2; }
th[aria-sort="ascending"] button::after { content: " ▲"; font-size: .7em; }
th[aria-sort="descending"] button::after { content: " ▼"; font-size: .7em; }
#settings .table { width: max-content; max-width: max(100%, min(72rem, 50vw + 21rem)); }
#tip { position: fixed; z-index: 1; max-width: 22rem; padding: .35rem .6rem; pointer-events: none;
  background: #222; color: #fff; font-size: .82rem; line-height: 1.35; border-radius: 3px; }
#tip[hidden] { display: none; }
@media print {
  #tip { display: none; }
  tr.lit, tr:target { background: none; }
  #settings .table { width: auto; max-width: none; }
  #settings table { font-size: 7.5pt; }
  #settings th, #settings td { padding-right: .5rem; white-space: normal; }
}
"""

SCRIPT = """
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  document.body.append(tip);
  // The browser's own hints come late and would lie on these.
  for (const title of document.querySelectorAll("svg g > title")) {
    title.parentNode.dataset.hint = title.textContent;
    title.remove();
  }
  const light = (trial) => {
    for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
    if (trial === undefined) return;
    for (const same of document.querySelectorAll(`[data-trial="${trial}"]`)) {
      same.classList.add("lit");
    }
  };
  const show = (event) => {
    const mark = event.target.closest("[data-hint]");
    const part = event.target.closest("[data-trial]");
    light(part ? part.dataset.trial : undefined);
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.dataset.hint;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 14;
    const fits = below + tip.offsetHeight + 8 < innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${fits ? below : event.clientY - tip.offsetHeight - 10}px`;
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("pointermove", show);
  const prefixes = { p: 1e-12, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6 };
  const number = (text) => {
    const unit = text.match(/ ([pnumkM])[Js]\\b/);
    return parseFloat(text.replace(/,/g, "")) * (unit ? prefixes[unit[1]] : 1);
  };
  const order = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return Number.isNaN(x) && Number.isNaN(y) ? a.localeCompare(b) : Number.isNaN(x) ? 1 : -1;
  };
  for (const head of document.querySelectorAll("#settings th[scope=col]")) {
    if (!head.textContent) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.title = "sort by this column";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = head.closest("table").tBodies[0];
      const rows = [...body.rows];
      rows.sort((a, b) => {
        const way = order(a.cells[head.cellIndex].textContent, b.cells[head.cellIndex].textContent);
        return up ? way : -way;
      });
      body.append(...rows);
    });
  }
})();
"""
