"""The report of a study: one HTML page, readable without scripts, with hints under the pointer.

A mark of a trial in a figure leads to its row in the table; with scripts, all that belongs to the
trial under the pointer is lit, and columns sort.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from neurochip.plot.html import document, note, section, table
from neurochip.plot.study import Drawn, Findings
from neurochip.plot.study_script import SCRIPT, STYLE
from neurochip.plot.style import render

#: A mark of a trial, or another artist with a hint, as matplotlib writes it: one group, unnested.
_GROUP = re.compile(r'<g id="([^"]+)">(.*?)</g>', re.DOTALL)
_TRIAL = re.compile(r"(?:trial|again-\d+)-(\d+)")


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
        n_numbers: how many after those are numbers.
        command: what repeats the study, one command a line.
        file: the study's file.
        file_name: what to call it, for the command.
        origin: name and value of what else its numbers come from: data, versions.
    """

    title: str
    lead: str
    facts: tuple[tuple[str, str, str], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_words: int
    n_numbers: int
    command: str
    file: str
    file_name: str
    origin: tuple[tuple[str, str], ...]


def page(text: Text, found: Findings, drawn: Sequence[Drawn]) -> str:
    """Write the report as HTML; every text in it is escaped."""
    return document(
        text.title,
        [
            _header(text),
            section("Figures", *(_figure(entry) for entry in drawn))
            if drawn
            else section("Figures", note("No setting is complete yet.")),
            section("Settings", _settings(text), _intervals()),
            _failures(found),
            _repeat(text),
        ],
        STYLE,
        SCRIPT,
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
    """A figure as SVG inside HTML: its hints as titles, its ids its own among other figures', its
    marks of trials as links to their rows.
    """
    svg = render(drawn.figure, "svg").decode()
    svg = svg[svg.index("<svg") :].rstrip()
    svg = _GROUP.sub(lambda found: _hinted(found, drawn.hints), svg)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{drawn.name}-\1"', svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{drawn.name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{drawn.name}-\1)", svg)
    label = f'role="img" aria-label="{escape(drawn.title)}" style="width: 100%; height: auto"'
    return svg.replace("<svg ", f"<svg {label} ", 1)


def _hinted(found: re.Match[str], hints: dict[str, str]) -> str:
    gid, content = found[1], found[2]
    if gid not in hints:
        return found[0]
    title = f"<title>{escape(hints[gid])}</title>"
    of_trial = _TRIAL.fullmatch(gid)
    if of_trial is None:
        return f'<g id="{gid}">\n{title}{content}</g>'
    number = of_trial[1]
    group = f'<g id="{gid}" data-trial="{number}">\n{title}{content}</g>'
    return f'<a href="#trial-{number}" tabindex="-1">{group}</a>'


def _settings(text: Text) -> str:
    marks = [f'id="trial-{row[0]}" data-trial="{row[0]}"' for row in text.rows]
    rows = table(text.header, text.rows, text.n_words, text.n_numbers, marks)
    return f'<div id="settings">{rows}</div>'


def _intervals() -> str:
    return note("After ±: half the width of the 95 % interval of the mean, by Student's t.")


def _failures(found: Findings) -> str:
    failed = [point for point in found.points if point.reason is not None]
    if not failed:
        return section("Failed trials", note("None."))
    rows = [(str(point.number), ", ".join(point.setting), point.reason or "") for point in failed]
    return section("Failed trials", table(("Trial", ", ".join(found.knobs), "Reason"), rows, 3))


def _repeat(text: Text) -> str:
    origin = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in text.origin
    )
    return section(
        "How to repeat it",
        f'<dl class="origin">\n{origin}\n</dl>',
        f"<p>Save the study's file as <code>{escape(text.file_name)}</code>:</p>\n"
        f"<pre>{escape(text.file)}</pre>",
        f"<p>These commands then give the same numbers, bit for bit:</p>\n"
        f"<pre>{escape(text.command)}</pre>",
    )
