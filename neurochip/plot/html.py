"""Parts of a page: one HTML document that needs nothing else, for the screen and for paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import repeat

import neurochip

_STYLE = """
:root { color-scheme: light; }
body { margin: 2.5rem auto; max-width: 46rem; padding: 0 1rem; background: #fff; color: #222;
  font: 1rem/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0 0 .3rem; font-size: 1.7rem; line-height: 1.25; }
h2 { margin: 2.6rem 0 .8rem; padding-bottom: .2rem; border-bottom: 1px solid #c4c4c4;
  font-size: 1.25rem; }
h3 { margin: 1.6rem 0 .4rem; font-size: 1rem; }
.lead { margin: 0; color: #444; }
dl.facts { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1.4rem 0 0; }
dl.facts dt { font-size: .8rem; color: #666; }
dl.facts dd { margin: 0; font-size: 1.2rem; font-weight: 600; }
dl.facts dd small { font-size: .8rem; font-weight: 400; color: #666; }
dl.origin { margin: .6rem 0; font-size: .88rem; }
dl.origin dt { float: left; clear: left; min-width: 6rem; color: #666; }
dl.origin dd { margin: 0 0 .2rem 6.5rem; }
figure { margin: 1.4rem 0 2rem; }
figure img { display: block; width: 100%; height: auto; }
figcaption, .note { font-size: .88rem; color: #444; }
figcaption b { color: #222; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .9rem .22rem 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 1.5px solid #222; vertical-align: bottom; }
tbody tr { border-bottom: 1px solid #e4e4e4; }
tbody th { font-weight: 400; }
.number { text-align: right; white-space: nowrap; }
pre { padding: .7rem .9rem; background: #f5f5f5; font-size: .85rem; line-height: 1.4;
  white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; font-size: .88rem; }
footer { margin-top: 3rem; font-size: .8rem; color: #666; }
@media print {
  @page { margin: 18mm; }
  body { margin: 0; max-width: none; padding: 0; font-size: 10pt; }
  h2, h3, section > p:not(.note) { break-after: avoid; }
  figure, tr, pre, dl.facts { break-inside: avoid; }
  thead { display: table-header-group; }
  .table { overflow: visible; }
  details:not([open]) { display: none; }
}
"""


def document(title: str, sections: Sequence[str], style: str = "", script: str = "") -> str:
    """A whole page.

    Args:
        title: plain text.
        sections: HTML.
        style: rules beside those of every page.
        script: what runs when the page is there; the page must be whole without it.
    """
    body = "\n".join(sections)
    if script:
        script = f"<script>{script}</script>\n"
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n{body}\n"
        f"<footer>Written by neurochip {escape(neurochip.__version__)}.</footer>\n"
        f"{script}</body>\n</html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A heading in plain text, and HTML below it."""
    content = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>"


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    n_words: int = 1,
    n_numbers: int | None = None,
    marks: Iterable[str] | None = None,
) -> str:
    """A table whose first ``n_words`` columns are words, the next numbers, the others words.

    Args:
        header: names of the columns.
        rows: their cells, plain text.
        n_words: columns of words that it begins with.
        n_numbers: columns of numbers after them; all others if None.
        marks: attributes of each row, as HTML.
    """
    end = len(header) if n_numbers is None else n_words + n_numbers
    classes = [' class="number"' if n_words <= i < end else "" for i in range(len(header))]
    head = "".join(
        f'<th scope="col"{c}>{escape(text)}</th>' for c, text in zip(classes, header, strict=True)
    )
    opened = repeat("") if marks is None else (f" {mark}" for mark in marks)
    body = "\n".join(
        f"<tr{mark}>{_cells(row, classes)}</tr>" for row, mark in zip(rows, opened, strict=False)
    )
    return (
        f'<div class="table"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _cells(row: Sequence[str], classes: Sequence[str]) -> str:
    first, *others = row
    cells = "".join(
        f"<td{c}>{escape(text)}</td>" for c, text in zip(classes[1:], others, strict=True)
    )
    return f'<th scope="row"{classes[0]}>{escape(first)}</th>{cells}'


def note(text: str) -> str:
    """A sentence beside a table or figure, in plain text."""
    return f'<p class="note">{escape(text)}</p>'
