"""The command that lists, prints and checks chips."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from neurochip.cli.output import Json, print_json, print_table


def chips(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[NAME]", help="A chip, or a path of a .toml file."),
    ] = None,
    check: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--check", metavar="FILE", help="Validate a chip; list what it leaves open."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the hardware models, print one as a table, or check one."""
    from neurochip import hardware

    if check is not None:
        _check_chip(check, as_json)
        return
    if name is None:
        models = {entry: hardware.load(entry).title for entry in hardware.available()}
        if as_json:
            print_json({"command": "chips", "chips": models})
        else:
            print_table(("name", "title"), list(models.items()))
        return
    model = hardware.load(name)
    rows = hardware.rows(model)
    if as_json:
        print_json({"command": "chips", "name": model.name, "rows": [r._asdict() for r in rows]})
        return
    print(model.title)
    shown = [tuple("unknown" if cell is None else str(cell) for cell in row) for row in rows]
    print_table(("number", "value", "unit", "basis", "source"), shown)


def _check_chip(path: str, as_json: bool) -> None:
    from neurochip import hardware

    checked = hardware.check(path)
    if as_json:
        facts = {"command": "chips", "check": path, "name": checked.hardware.name, "valid": True}
        lists = {"left_out": checked.left_out, "unknown": checked.unknown}
        print_json({**facts, **lists, "settings": checked.settings})
        return
    name = checked.hardware.name
    print(f"{path}: hardware model {name!r} is valid, {checked.settings} settings")
    for what, keys in (
        ("left out, so unknown", checked.left_out),
        ("given as unknown", checked.unknown),
    ):
        print(f"{what}: {', '.join(keys) or 'none'}")
