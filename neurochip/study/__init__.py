"""Studies: a question about precision or hardware in a file, its answer in a table and a page.

    spec = study.read("bits.toml")             # knobs, values, seeds, objectives: checked
    with study.open_store(spec, "sqlite:///bits.db") as store:
        study.run(spec, store, workers=2)      # goes on where it was stopped
        table = study.table_of(store)          # a row a setting, with intervals over seeds

`spec` reads the file, `workflows` names the ways to a trained chip (`ptq`, `qat`, `adapt`, beside
learning there from the start), `work` learns one setting with one seed, `store` keeps results by
Optuna in a database (`databases`) that one command at a time may write (`lease`), `crew` holds the
processes, `cluster` those of a Dask cluster, `conduct` brings them together. The names below
resolve on first use: a worker loads neither Optuna nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurochip.study.best import chosen, tested, write_best
    from neurochip.study.conduct import Told, run
    from neurochip.study.databases import shown
    from neurochip.study.knobs import text_of
    from neurochip.study.page import write_report
    from neurochip.study.places import is_study, path_of, url_beside, url_of
    from neurochip.study.spec import Spec, presets, read
    from neurochip.study.store import Store, open_existing, open_store
    from neurochip.study.table import Table, readable, table_of, write_table

__all__ = [
    "Spec",
    "Store",
    "Table",
    "Told",
    "chosen",
    "is_study",
    "open_existing",
    "open_store",
    "path_of",
    "presets",
    "read",
    "readable",
    "run",
    "shown",
    "table_of",
    "tested",
    "text_of",
    "url_beside",
    "url_of",
    "write_best",
    "write_report",
    "write_table",
]

_ROOMS = {
    "best": ("chosen", "tested", "write_best"),
    "conduct": ("Told", "run"),
    "databases": ("shown",),
    "knobs": ("text_of",),
    "page": ("write_report",),
    "places": ("is_study", "path_of", "url_beside", "url_of"),
    "spec": ("Spec", "presets", "read"),
    "store": ("Store", "open_existing", "open_store"),
    "table": ("Table", "readable", "table_of", "write_table"),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'neurochip.study' has no attribute {name!r}")
    value = getattr(import_module(f"neurochip.study.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
