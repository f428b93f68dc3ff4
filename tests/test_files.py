"""Files: exact round trips, atomic writes, and damage that's never returned as data."""

from __future__ import annotations

import math
import os
import re
import stat
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurochip import files
from neurochip.errors import NeurochipError, OutputError, RunFileError

AGAIN = "restore it from a copy or make it again"
TREE: dict[str, Any] = {
    "config": {"seed": 2**64 - 1, "low": -(2**63), "lam": 0.5, "name": "é\n", "none": None},
    "layers": {str(i): {"w": np.arange(6, dtype=np.int8).reshape(2, 3)} for i in range(11)},
    "flags": {"yes": True, "no": False},
    "classes": ["zero", "", "één"],
    "empty": {"list": [], "dict": {}, "array": np.empty((0, 3)), "text": ""},
    "scalar": np.array(3, np.uint16),
}


def fails(kind: type[NeurochipError], sentence: str) -> pytest.RaisesExc[NeurochipError]:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def same(a: Any, b: Any) -> bool:
    """Tell if two trees are equal in every type, dtype, shape and bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
    return bool(a == b)


def checksum(path: Path) -> bytes:
    with h5py.File(path) as file:
        return bytes(file.attrs["checksum"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run.h5"
    files.write_tree(path, TREE)
    return path


# --- round trips


def test_round_trip(path: Path) -> None:
    assert same(files.read_tree(path), TREE)
    assert same(files.read_tree(str(path)), TREE)


def test_the_file_is_plain_hdf5(path: Path) -> None:
    with h5py.File(path) as file:
        assert file.attrs["format"] == b"neurochip-run"
        assert file.attrs["version"] == 1
        assert len(file.attrs["checksum"]) == 64
        assert file["layers/3/w"].dtype == np.int8
        assert file["config/lam"][()] == 0.5


def test_numpy_scalars_become_numbers(tmp_path: Path) -> None:
    tree = {"i": np.int16(-3), "f": np.float32(0.5), "b": np.True_}
    files.write_tree(tmp_path / "a.h5", tree)
    assert same(files.read_tree(tmp_path / "a.h5"), {"i": -3, "f": 0.5, "b": True})


def test_arrays_of_any_layout(tmp_path: Path) -> None:
    square = np.arange(12.0).reshape(3, 4)
    tree = {"t": square.T, "every_second": square[:, ::2], "big_endian": square.astype(">f4")}
    files.write_tree(tmp_path / "a.h5", tree)
    assert same(files.read_tree(tmp_path / "a.h5"), tree)


def test_the_same_tree_gives_the_same_file(path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.h5"
    files.write_tree(again, dict(reversed(TREE.items())))
    assert checksum(again) == checksum(path)
    files.write_tree(again, TREE)
    assert again.read_bytes() == path.read_bytes()
    files.write_tree(again, {**TREE, "scalar": np.array(4, np.uint16)})
    assert checksum(again) != checksum(path)


KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)
LEAVES = st.one_of(
    hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    TEXTS,
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(TEXTS),
)
TREES = st.recursive(
    st.dictionaries(KEYS.filter(lambda key: key != "."), LEAVES, max_size=4),
    lambda inner: st.dictionaries(KEYS.filter(lambda key: key != "."), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_any_tree_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("trees") / "a.h5"
    files.write_tree(path, tree)
    assert same(files.read_tree(path), tree)


@pytest.mark.parametrize(
    ("tree", "kind", "sentence"),
    [
        ({"a": {"b": 1j}}, TypeError, "/a/b is a complex, which can't be stored"),
        ({"a": ["x", 1]}, TypeError, "/a is a list, which can't be stored"),
        (
            {"a": np.array(["x"])},
            TypeError,
            "the array /a has the dtype <U1, which can't be stored",
        ),
        ({"a": {3: 1}}, TypeError, "the key 3 under /a is not a str"),
        ({"a/b": 1}, ValueError, "the key 'a/b' under / can't name an HDF5 object"),
        ({"": 1}, ValueError, "the key '' under / can't name an HDF5 object"),
        ({"a": "\0"}, ValueError, "/a holds a text with a NUL character, which can't be stored"),
        (
            {"a": 2**64},
            ValueError,
            "/a is 18446744073709551616, which doesn't fit into 64 bits",
        ),
    ],
)
def test_a_tree_that_cannot_be_stored(
    tmp_path: Path, tree: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=f"^{re.escape(sentence)}$"):
        files.write_tree(tmp_path / "a.h5", tree)
    assert list(tmp_path.iterdir()) == []


# --- files that can't be read


def test_missing(tmp_path: Path) -> None:
    path = tmp_path / "none.h5"
    with fails(RunFileError, f"{path} does not exist; give the path of a neurochip-run file"):
        files.read_tree(path)


def test_a_directory(tmp_path: Path) -> None:
    with fails(RunFileError, f"{tmp_path} is a directory; give the path of a neurochip-run file"):
        files.read_tree(tmp_path)


def test_a_path_through_a_file(path: Path) -> None:
    below = path / "run.h5"
    with fails(
        RunFileError,
        f"{below} can't be read (Not a directory); give the path of a readable neurochip-run file",
    ):
        files.read_tree(below)


def test_empty(path: Path) -> None:
    path.write_bytes(b"")
    with fails(RunFileError, f"{path} is empty; {AGAIN}"):
        files.read_tree(path)


def test_not_hdf5(path: Path) -> None:
    path.write_text("seed = 3\n")
    with fails(RunFileError, f"{path} is not an HDF5 file; give the path of a neurochip-run file"):
        files.read_tree(path)


def test_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 3
    with fails(
        RunFileError,
        f"{path} is an HDF5 file but not one of neurochip's; give the path of a neurochip-run file",
    ):
        files.read_tree(path)


def test_another_format(path: Path) -> None:
    with fails(
        RunFileError, f"{path} is a neurochip-run file; give the path of a neurochip-study file"
    ):
        files.read_tree(path, format="neurochip-study")


def test_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "new.h5"
    files.write_tree(path, TREE, version=3)
    with fails(
        RunFileError,
        f"{path} has version 3 of neurochip-run but this neurochip reads versions up to 2;"
        " update neurochip or make the file again",
    ):
        files.read_tree(path, newest_version=2)
    assert same(files.read_tree(path, newest_version=3), TREE)


def change_an_array(file: h5py.File) -> None:
    file["layers/3/w"][0, 0] = 99


def change_the_version(file: h5py.File) -> None:
    file.attrs["version"] = 0


def change_a_kind(file: h5py.File) -> None:
    file["flags/yes"].attrs["kind"] = np.bytes_("array")


def remove_a_leaf(file: h5py.File) -> None:
    del file["flags/yes"]


def add_a_group(file: h5py.File) -> None:
    file.create_group("more")


@pytest.mark.parametrize(
    "change", [change_an_array, change_the_version, change_a_kind, remove_a_leaf, add_a_group]
)
def test_an_edit_breaks_the_checksum(path: Path, change: Any) -> None:
    with h5py.File(path, "r+") as file:
        change(file)
    with fails(RunFileError, f"{path} is damaged: its contents don't match its checksum; {AGAIN}"):
        files.read_tree(path)


def link_outside(file: h5py.File) -> None:
    file["more"] = h5py.ExternalLink("/etc/passwd", "/")


def link_to_itself(file: h5py.File) -> None:
    file["layers/loop"] = file["layers"]


def drop_a_kind(file: h5py.File) -> None:
    del file["flags/yes"].attrs["kind"]


def drop_the_checksum(file: h5py.File) -> None:
    del file.attrs["checksum"]


def spoil_the_version(file: h5py.File) -> None:
    file.attrs["version"] = "new"


@pytest.mark.parametrize(
    "change", [link_outside, link_to_itself, drop_a_kind, drop_the_checksum, spoil_the_version]
)
def test_a_file_of_another_structure(path: Path, change: Any) -> None:
    with h5py.File(path, "r+") as file:
        change(file)
    with fails(RunFileError, f"{path} is damaged: parts of it can't be read; {AGAIN}"):
        files.read_tree(path)


def test_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    with fails(RunFileError, f"{path} is damaged: parts of it can't be read; {AGAIN}"):
        files.read_tree(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "run.h5"
    files.write_tree(path, TREE)
    return path


def unharmed_or_refused(sound: Path, data: bytes) -> None:
    damaged = sound.with_name("damaged.h5")
    damaged.write_bytes(data)
    try:
        tree = files.read_tree(damaged)
    except RunFileError as error:
        assert "\n" not in str(error)
    else:
        assert same(tree, TREE)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_flipped_bytes_never_give_wrong_data(sound: Path, data: st.DataObject) -> None:
    content = bytearray(sound.read_bytes())
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        content[place] ^= data.draw(st.integers(1, 255))
    unharmed_or_refused(sound, bytes(content))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_truncation_never_gives_wrong_data(sound: Path, data: st.DataObject) -> None:
    content = sound.read_bytes()
    unharmed_or_refused(sound, content[: data.draw(st.integers(0, len(content) - 1))])


@settings(max_examples=60, deadline=None)
@given(st.binary())
def test_garbage_is_refused(sound: Path, garbage: bytes) -> None:
    unharmed_or_refused(sound, garbage)
    unharmed_or_refused(sound, sound.read_bytes()[:48] + garbage)


# --- writing


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_existing_file_keeps_its_mode(path: Path) -> None:
    path.chmod(0o640)
    files.write_tree(path, {"a": 1})
    assert mode(path) == 0o640
    assert files.read_tree(path) == {"a": 1}


def test_a_new_file_obeys_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        files.write_text_atomic(tmp_path / "a.txt", "a")
    finally:
        os.umask(old)
    assert mode(tmp_path / "a.txt") == 0o640


def test_a_link_is_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    link.symlink_to(target)
    for text in ("one", "two"):
        files.write_text_atomic(link, text)
        assert link.is_symlink()
        assert target.read_text() == text


def test_text_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    files.write_text_atomic(path, "é\r\n")
    assert path.read_bytes() == b"\xc3\xa9\r\n"
    files.write_bytes_atomic(str(path), b"\0")
    assert path.read_bytes() == b"\0"


@pytest.mark.parametrize("step", ["os.fsync", "os.fdopen", "pathlib.Path.replace"])
@pytest.mark.parametrize("event", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, event: type[BaseException]
) -> None:
    before = path.read_bytes()

    def interrupted(*_: object) -> None:
        raise event

    with monkeypatch.context() as patch:
        patch.setattr(step, interrupted)
        with pytest.raises(event):
            files.write_tree(path, {"a": 1})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with fails(
            OutputError,
            f"{path} can't be written (No space left on device); mend that or choose another path",
        ):
            files.write_tree(path, {"a": 1})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def write_a_tree(path: Path) -> None:
    files.write_tree(path, {"a": 1})


def write_a_text(path: Path) -> None:
    files.write_text_atomic(path, "a")


WRITERS = pytest.mark.parametrize("write", [files.check_writable, write_a_tree, write_a_text])


@WRITERS
def test_a_missing_directory(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "none" / "run.h5"
    with fails(
        OutputError,
        f"{path} can't be written because the directory {path.parent} does not exist;"
        " make it first or choose another path",
    ):
        write(path)


@WRITERS
def test_a_file_for_a_directory(path: Path, write: Any) -> None:
    below = path / "run.h5"
    with fails(
        OutputError,
        f"{below} can't be written because {path} is not a directory; choose another path",
    ):
        write(below)


@WRITERS
def test_a_directory_for_a_file(tmp_path: Path, write: Any) -> None:
    with fails(OutputError, f"{tmp_path} is a directory; give the path of a file in it"):
        write(tmp_path)


@WRITERS
def test_a_device_is_left_alone(write: Any) -> None:
    with fails(OutputError, f"{os.devnull} is not a regular file; choose another path"):
        write(Path(os.devnull))


@WRITERS
def test_too_long_a_name(tmp_path: Path, write: Any) -> None:
    path = tmp_path / ("x" * 256)
    with fails(
        OutputError,
        f"{path} can't be written (File name too long); mend that or choose another path",
    ):
        write(path)


@WRITERS
@pytest.mark.parametrize("exists", [True, False])
def test_write_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any, exists: bool
) -> None:
    path = tmp_path / "run.h5"
    if exists:
        path.touch()
    # A superuser may write everything, so permissions alone can't test this.
    monkeypatch.setattr(os, "access", lambda *_: False)
    protected = path if exists else tmp_path
    with fails(
        OutputError,
        f"{path} can't be written because {protected} is write-protected;"
        " change its permissions or choose another path",
    ):
        write(path)


@WRITERS
def test_a_name_that_no_file_can_have(write: Any) -> None:
    with pytest.raises(OutputError, match=r"^a\0b can't be written \(.*null .*\); mend that"):
        write(Path("a\0b"))


def test_a_text_that_is_not_unicode(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^.*a can't be written \('utf-8' codec.*\); mend that"):
        files.write_text_atomic(tmp_path / "a", "\ud800")


def test_check_writable_leaves_nothing_behind(path: Path) -> None:
    before = path.read_bytes()
    files.check_writable(path)
    files.check_writable(path.with_name("new.h5"))
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


def test_a_file_is_removed_where_there_is_one(tmp_path):
    path = tmp_path / "a"
    path.touch()
    for _ in range(2):
        files.remove(path)
        assert not path.exists()
    path.mkdir()
    with pytest.raises(OutputError, match=f"^{re.escape(str(path))} can't be written"):
        files.remove(path)
