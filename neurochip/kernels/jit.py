"""The one compiler decorator, and where its machine code is kept.

numba's own file cache notices an edit only in the file of the function that was edited: a caller
in another file would go on running the old code. So the compiled kernels of a file are kept in a
folder of their own, whose name has a hash of that file, of every file of this package that it
imports, directly or not, and of the versions that compiled them. An edit starts fresh folders for
the files that may call what was edited; the others go on with theirs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numba
from numba.core import config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parents[1]
#: `a.b` of "import package.a.b" and "from package.a.b import"; a, names of "from a import names".
_MODULE = re.compile(rf"\b({_PACKAGE.name}(?:\.\w+)+)")
_FROM = re.compile(rf"from ({_PACKAGE.name}(?:\.\w+)*) import (\([^)]*\)|[^\n(]+)")
_NAME = re.compile(r"\w+")

#: Environment variable that moves the folder of compiled kernels.
CACHE_VARIABLE = "NEUROCHIP_CACHE_DIR"
#: Folders of compiled kernels that are kept of each file; older ones are removed.
KEPT_CACHES = 4
#: Hexadecimal digits of a folder's hash.
DIGITS = 16
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


@cache
def _read(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """What a file of this package holds, and the package's files that it names as imports.

    Told by the text alone, so a name in a comment counts too, which does no harm.
    """
    held = path.read_bytes()
    text = held.decode()
    modules = {name.replace(".", "/") for name in _MODULE.findall(text)}
    for package, names in _FROM.findall(text):
        modules |= {f"{package.replace('.', '/')}/{name}" for name in _NAME.findall(names)}
    files = {_PACKAGE.parent / f"{module}.py" for module in modules}
    return held, tuple(file for file in files if file.is_file())


def sources_of(path: Path) -> list[Path]:
    """A file of this package and all others of it that it imports, directly or not."""
    found, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _read(file)[1]
    return sorted(found)


def source_digest(path: Path) -> str:
    """Hash of a file, of what it imports, and of Python's, numpy's and numba's versions (16 hex
    digits).
    """
    digest = hashlib.sha256()
    for source in sources_of(path):
        digest.update(os.path.relpath(source, _PACKAGE).encode())
        digest.update(_read(source)[0])
    versions = (sys.version, numba.__version__, numba.np.numpy_support.numpy_version)
    digest.update(repr(versions).encode())
    return digest.hexdigest()[:DIGITS]


def cache_root() -> Path:
    """Folder above all folders of compiled kernels."""
    if CACHE_VARIABLE in os.environ:
        return Path(os.environ[CACHE_VARIABLE])
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "neurochip"


@cache
def cache_folder(path: Path) -> Path | None:
    """Make the folder for the kernels of a file; None where nothing can be written."""
    try:
        root = cache_root()
        folder = root / f"kernels-{path.stem}-{source_digest(path)}"
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        if not os.access(folder, os.W_OK):
            return None
        _prune(root, path.stem)
    except (OSError, RuntimeError):
        return None
    return folder


def _prune(root: Path, name: str) -> None:
    pattern = f"kernels-{name}-{'?' * DIGITS}"
    folders = sorted(root.glob(pattern), key=lambda f: f.stat().st_mtime, reverse=True)
    for stale in folders[KEPT_CACHES:]:
        shutil.rmtree(stale, ignore_errors=True)


#: Where in it numba keeps the kernels of a file: another copy of the file has another folder.
_KEPT_IN: dict[Path, Path] = {}


def is_cold(module: ModuleType) -> bool:
    """Whether a file's kernels are compiled when they are first called: none of them is kept."""
    folder = _KEPT_IN.get(Path(str(module.__file__)))
    return not INTERPRETED and (folder is None or not any(folder.glob("*.nbi")))


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


def lane(function: Kernel) -> Kernel:
    """The same for arithmetic inside a loop over lanes: with a call in it the loop would not become
    vectors, and take 15 times as long.
    """
    return _compile(function, inline="always")


def unfused(function: Callable[..., Any]) -> Callable[..., Any]:
    """A pipeline as plain Python that calls compiled kernels one by one, to be looked into."""
    plain: Callable[..., Any] = getattr(function, "py_func", function)
    return plain


def _compile(function: Kernel, **options: Any) -> Kernel:
    compiled = numba.njit(**{**_OPTIONS, **options})(function)
    path = Path(function.__code__.co_filename)
    folder = None if INTERPRETED else cache_folder(path)
    if folder is None:
        return compiled  # type: ignore[no-any-return]
    users_folder = config.CACHE_DIR
    config.CACHE_DIR = str(folder)  # read when caching is enabled, and only then
    try:
        compiled.enable_caching()
        _KEPT_IN[path] = Path(compiled._cache.cache_path)
    finally:
        config.CACHE_DIR = users_folder
    return compiled  # type: ignore[no-any-return]
