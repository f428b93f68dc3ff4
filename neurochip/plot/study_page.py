"""The report of a study: one HTML page, readable without scripts, with hints under the pointer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from neurochip.plot.html import document, note, section, table
from neurochip.plot.study import Drawn, Findings
from neurochip.plot.style import render

_GROUP = '<g id="{gid}">'


@dataclass(frozen=True)
class Text:
    """The words of a study's page.

    Attributes:
        title: of the study.
        lead: one or two sentences: what was asked, and how.
        facts: name, value and unit of a few numbers.
        header: of the table of settings.
        rows: of it, as texts.
        n_words: how many of its first columns are words.
        command: what repeats the study, one command a line.
        file: the study's file.
        versions: what it was made with.
    """

    title: str
    lead: str
    facts: tuple[tuple[str, str, str], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_words: int
    command: str
    file: str
    versions: str


def page(text: Text, found: Findings, drawn: Sequence[Drawn]) -> str:
    """Write the report as HTML; every text in it is escaped."""
    return document(
        text.title,
        [
            _header(text),
            section("Figures", *(_figure(entry) for entry in drawn))
            if drawn
            else section("Figures", note("No setting is complete yet.")),
            section("Settings", table(text.header, text.rows, text.n_words), _intervals()),
            _failures(found),
            _repeat(text),
        ],
    )


def _header(text: Text) -> str:
    items = "\n".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(unit)}</small></dd></div>"
        for name, value, unit in text.facts
    )
    return (
        f"<header>\n<h1>{escape(text.title)}</h1>\n"
        f'<p class="lead">{escape(text.lead)}</p>\n<dl class="facts">\n{items}\n</dl>\n</header>'
    )


def _figure(drawn: Drawn) -> str:
    return (
        f"<figure>\n{inline(drawn)}\n"
        f"<figcaption><b>{escape(drawn.title)}.</b> {escape(drawn.caption)}</figcaption>\n</figure>"
    )


def inline(drawn: Drawn) -> str:
    """A figure as SVG inside HTML: its hints as titles, its ids its own among other figures'."""
    svg = render(drawn.figure, "svg").decode()
    svg = svg[svg.index("<svg") :].rstrip()
    for gid, hint in drawn.hints.items():
        opened = _GROUP.format(gid=gid)
        svg = svg.replace(opened, f"{opened}\n<title>{escape(hint)}</title>", 1)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{drawn.name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{drawn.name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{drawn.name}-\1)", svg)
    label = f'role="img" aria-label="{escape(drawn.title)}" style="width: 100%; height: auto"'
    return svg.replace("<svg ", f"<svg {label} ", 1)


def _intervals() -> str:
    return note("After ±: half the width of the 95 % interval of the mean, by Student's t.")


def _failures(found: Findings) -> str:
    failed = [point for point in found.points if point.reason is not None]
    if not failed:
        return section("Failed trials", note("None."))
    rows = [(str(point.number), ", ".join(point.setting), point.reason or "") for point in failed]
    return section("Failed trials", table(("Trial", ", ".join(found.knobs), "Reason"), rows, 3))


def _repeat(text: Text) -> str:
    return section(
        "How to repeat it",
        f"<p>{escape(text.versions)} These commands give the same numbers, bit for bit:</p>\n"
        f"<pre>{escape(text.command)}</pre>\n<p>The study's file:</p>\n"
        f"<pre>{escape(text.file)}</pre>",
    )
