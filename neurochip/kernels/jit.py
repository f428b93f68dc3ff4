"""The one compiler decorator, and where its machine code is kept.

numba's own file cache notices an edit only in the file of the function that was edited: a caller
in another file would go on running the old code. So compiled kernels are kept in a folder whose
name is a hash of every kernel source and of the versions that compiled them: any edit, and any
upgrade, starts a fresh folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

#: Environment variable that moves the folder of compiled kernels.
CACHE_VARIABLE = "NEUROCHIP_CACHE_DIR"
#: Folders of compiled kernels that are kept; older ones are removed.
KEPT_CACHES = 4
#: Interpreted runs (NUMBA_DISABLE_JIT=1) execute the same functions as plain Python.
INTERPRETED = bool(config.DISABLE_JIT)

#: What every kernel is compiled with. A core is a tuple of some thirty arrays, and two costs of
#: passing it about took three fifths of a step of 784-800-10: counting references to every array
#: and slice, atomically (without the count, kernels can't allocate), and pushing the tuple's 250
#: words onto the stack for each call (absorbed calls push nothing).
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "_nrt": False,
    "forceinline": True,
    "error_model": "numpy",
}


def source_digest() -> str:
    """Hash of all kernel sources and of the versions of Python, numpy and numba (16 hex digits)."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    versions = (sys.version, numba.__version__, numba.np.numpy_support.numpy_version)
    digest.update(repr(versions).encode())
    return digest.hexdigest()[:16]


def cache_root() -> Path:
    """Folder above all folders of compiled kernels."""
    if CACHE_VARIABLE in os.environ:
        return Path(os.environ[CACHE_VARIABLE])
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "neurochip"


def _prepare_cache() -> Path | None:
    """Make the folder for this state of the sources; None where nothing can be written."""
    try:
        root = cache_root()
        folder = root / f"kernels-{source_digest()}"
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        if not os.access(folder, os.W_OK):
            return None
        _prune(root)
    except (OSError, RuntimeError):
        return None
    return folder


def _prune(root: Path) -> None:
    folders = sorted(root.glob("kernels-*"), key=lambda f: f.stat().st_mtime, reverse=True)
    for stale in folders[KEPT_CACHES:]:
        shutil.rmtree(stale, ignore_errors=True)


CACHE_FOLDER = None if INTERPRETED else _prepare_cache()
#: Where in it numba keeps the kernels of these files: other copies of them have other folders.
_KEPT_IN: set[Path] = set()


def is_cold() -> bool:
    """Whether the first call of a kernel will compile it: nothing is kept of these very files."""
    return not INTERPRETED and not any(any(folder.glob("*.nbi")) for folder in _KEPT_IN)


def kernel(function: Kernel) -> Kernel:
    """Compile ``function`` on first call, without the GIL, and keep the machine code on disk."""
    return _compile(function)


def unit(function: Kernel) -> Kernel:
    """The same for a long piece of work that stays on its own: callers call it.

    Its machine code is made once, whatever the number of its callers, and only they pay for a call,
    about a tenth of a microsecond with a core.
    """
    return _compile(function, forceinline=False)


def pipeline(function: Kernel) -> Kernel:
    """The same for a function that only puts kernels in order: its callers absorb it.

    numba optimises a function together with all that it calls, so each level of calls is paid for
    again; absorbed levels cost nothing.
    """
    return _compile(function, inline="always")


def view(function: Kernel) -> Kernel:
    """The same for a function that returns part of an array, which only absorbed code may do."""
    return _compile(function, inline="always")


def unfused(function: Callable[..., Any]) -> Callable[..., Any]:
    """A pipeline as plain Python that calls compiled kernels one by one, to be looked into."""
    plain: Callable[..., Any] = getattr(function, "py_func", function)
    return plain


def _compile(function: Kernel, **options: Any) -> Kernel:
    compiled = numba.njit(**{**_OPTIONS, **options})(function)
    if INTERPRETED or CACHE_FOLDER is None:
        return compiled  # type: ignore[no-any-return]
    users_folder = config.CACHE_DIR
    config.CACHE_DIR = str(CACHE_FOLDER)  # read when caching is enabled, and only then
    try:
        compiled.enable_caching()
        _KEPT_IN.add(Path(compiled._cache.cache_path))
    finally:
        config.CACHE_DIR = users_folder
    return compiled  # type: ignore[no-any-return]
