"""Loading: built-in digits, npz, HDF5 and IDX, and every way in which a file can be bad."""

from __future__ import annotations

import gzip
import itertools
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurochip import data
from neurochip.data.readers import parse_idx
from neurochip.errors import DataError

KINDS = "an .npz, .h5 or .hdf5 file, or a folder of IDX files"
AGAIN = "get the file again"
RNG = np.random.default_rng(0)
ARRAYS: dict[str, Any] = {
    "x_train": RNG.integers(0, 256, (6, 4, 3), dtype=np.uint8),
    "y_train": np.array([0, 1, 2, 0, 1, 2], np.uint8),
    "x_test": RNG.integers(0, 256, (2, 4, 3), dtype=np.uint8),
    "y_test": np.array([2, 1], np.uint8),
}
IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def fails(sentence: str) -> pytest.RaisesExc[DataError]:
    return pytest.raises(DataError, match=f"^{re.escape(sentence)}$")


def idx(array: Any) -> bytes:
    """Return an array as IDX."""
    head = struct.pack(">HBB", 0, CODES[array.dtype.str[1:]], array.ndim)
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return head + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_npz(path: Path, arrays: dict[str, Any] = ARRAYS) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def write_hdf5(path: Path, arrays: dict[str, Any] = ARRAYS) -> Path:
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return path


def write_idx(folder: Path, prefix: str = "", packed: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    for key, name in IDX_NAMES.items():
        content = idx(ARRAYS[key])
        if packed:
            (folder / f"{prefix}{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / f"{prefix}{name}").write_bytes(content)
    return folder


def check(dataset: data.Dataset) -> None:
    for name, split in (("train", dataset.train), ("test", dataset.test)):
        expected = ARRAYS[f"x_{name}"].astype(np.float32) / np.float32(255)
        np.testing.assert_array_equal(split.x, expected)
        np.testing.assert_array_equal(split.y, ARRAYS[f"y_{name}"])
    assert dataset.n_classes == 3


# --- digits


def test_digits() -> None:
    digits = data.load("digits")
    assert (digits.train.x.shape, digits.test.x.shape) == ((1437, 64), (360, 64))
    assert (digits.name, digits.n_classes) == ("digits", 10)
    assert digits.train.x.dtype == np.float32
    assert (digits.train.x.min(), digits.train.x.max()) == (0.0, 1.0)
    assert digits.test.y[:4].tolist() == [0, 5, 0, 5]
    assert np.bincount(digits.test.y).sum() == 360
    assert set(np.unique(digits.train.x * 16)) == set(range(17))


def test_digits_are_scikit_learns() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_digits(return_X_y=True)
    test = np.arange(len(y)) % 5 == 0
    digits = data.load("digits")
    np.testing.assert_array_equal(digits.test.x, x[test] / 16)
    np.testing.assert_array_equal(digits.train.x, x[~test] / 16)
    np.testing.assert_array_equal(digits.train.y, y[~test])


def test_available() -> None:
    assert data.available() == ["digits"]


# --- sources


def test_unknown_names() -> None:
    with fails(
        "data set 'digit' is unknown; did you mean 'digits', or use a built-in one (digits)"
        f" or give the path of {KINDS}"
    ):
        data.load("digit")
    with fails(
        f"data set 'mnist' is unknown; use a built-in one (digits) or give the path of {KINDS}"
    ):
        data.load("mnist")


@pytest.mark.parametrize("name", ["none.npz", "none", "x" * 300])
def test_a_missing_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for source in (path, str(path)):
        with fails(f"{path} does not exist; give the path of {KINDS}"):
            data.load(source)


def test_an_unknown_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.touch()
    with fails(f"{path} is of an unknown kind; give {KINDS}"):
        data.load(path)


# --- npz and HDF5


@pytest.fixture(params=["npz", "hdf5", "h5"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, Any]:
    """A path, what errors call its kind, and how to write it."""
    path = tmp_path / f"data.{request.param}"
    if request.param == "npz":
        return path, "an npz file", write_npz
    return path, "an HDF5 file", write_hdf5


def test_files_of_arrays(written: tuple[Path, str, Any]) -> None:
    path, _, write = written
    write(path)
    check(data.load(path))
    check(data.load(str(path)))
    assert data.load(path, n_classes=10).n_classes == 10


def test_spike_trains_from_files(written: tuple[Path, str, Any]) -> None:
    path, _, write = written
    write(path, {key: a > 127 if a.ndim > 1 else a for key, a in ARRAYS.items()})
    dataset = data.load(path, temporal=True)
    assert dataset.train.x.dtype == np.uint8
    assert dataset.train.n_features == 3


def test_lacking_arrays(written: tuple[Path, str, Any]) -> None:
    path, _, write = written
    write(path, {"x_train": ARRAYS["x_train"], "labels": ARRAYS["y_train"]})
    with fails(
        f"{path} lacks y_train, x_test, y_test (it holds labels, x_train);"
        " store x_train, y_train, x_test, y_test"
    ):
        data.load(path)


def test_bad_arrays_are_named_with_their_file(written: tuple[Path, str, Any]) -> None:
    path, _, write = written
    write(path, {**ARRAYS, "y_test": ARRAYS["y_train"]})
    with fails(f"{path}, test: x has 2 samples but y has 6 labels; give one label a sample"):
        data.load(path)


def test_truncated_files(written: tuple[Path, str, Any]) -> None:
    path, kind, write = written
    content = write(path).read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with fails(f"{path} is not {kind}, or is damaged; {AGAIN}"):
            data.load(path)


def test_damaged_npz(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "data.npz")
    content = bytearray(path.read_bytes())
    for place in range(60, 90):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with fails(f"{path} is not an npz file, or is damaged; {AGAIN}"):
        data.load(path)


def test_a_text_called_npz(written: tuple[Path, str, Any]) -> None:
    path, kind, _ = written
    path.write_text("x_train = 3\n")
    with fails(f"{path} is not {kind}, or is damaged; {AGAIN}"):
        data.load(path)


def test_pickles_are_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "data.npz", {**ARRAYS, "y_test": np.array([{}, None])})
    with fails(
        f"{path} holds Python objects, which can run code when they're loaded; store plain arrays"
    ):
        data.load(path)


def test_an_npz_of_another_zip(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for key in ARRAYS:
            archive.writestr(key, "text")
    with fails(f"{path}: x_train is not an array; save it with numpy.savez"):
        data.load(path)


def test_an_hdf5_group_for_an_array(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "data.h5", {key: ARRAYS[key] for key in list(ARRAYS)[:3]})
    with h5py.File(path, "a") as file:
        file.create_group("y_test")
    with fails(f"{path}: y_test is not a dataset; store it as an array"):
        data.load(path)


def test_a_file_that_may_not_be_read(
    written: tuple[Path, str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, _ = written
    path.touch()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # A superuser may read everything, so permissions alone can't test this.
    monkeypatch.setattr(Path, "open", refused)
    with fails(f"{path} can't be read; change its permissions"):
        data.load(path)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_npz_never_gives_another_error(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    path = write_npz(tmp_path_factory.getbasetemp() / "fuzzed.npz")
    content = bytearray(path.read_bytes())
    for place in draw.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] ^= draw.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        check(data.load(path))
    except DataError as error:
        assert "\n" not in str(error)


# --- IDX


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("prefix", ["", "emnist-letters-"])
def test_idx(tmp_path: Path, packed: bool, prefix: str) -> None:
    folder = write_idx(tmp_path / "mnist", prefix, packed)
    check(data.load(folder))
    for file in folder.iterdir():
        check(data.load(file))


def test_idx_names_of_other_mirrors(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "mnist")
    for file in list(folder.iterdir()):
        name = file.name.replace("-idx", ".idx").replace("t10k", "test")
        file.rename(file.with_name(name))
    check(data.load(folder))


def test_a_plain_idx_file_is_preferred(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "mnist")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"garbage")
    check(data.load(folder))


def test_several_idx_sets(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "a", "one-")
    write_idx(folder, "two-")
    with fails(
        f"{folder} holds several IDX data sets; give a file of one:"
        " one-t10k-images-idx3-ubyte, two-t10k-images-idx3-ubyte"
    ):
        data.load(folder)
    check(data.load(folder / "two-train-images-idx3-ubyte"))
    write_idx(folder)
    check(data.load(folder))


def test_a_folder_without_idx(tmp_path: Path) -> None:
    (tmp_path / "other.txt").touch()
    with fails(
        f"{tmp_path} is a directory without IDX files; give one that holds"
        f" {', '.join(IDX_NAMES.values())} (or .gz), or a file"
    ):
        data.load(tmp_path)


def test_a_lacking_idx_file(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "mnist", packed=True)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with fails(f"{folder} lacks t10k-labels-idx1-ubyte (or .gz); add what is missing"):
        data.load(folder)


@pytest.mark.parametrize("damage", [lambda c: c[:-20], lambda c: b"garbage", lambda c: b""])
def test_damaged_gzip(tmp_path: Path, damage: Any) -> None:
    folder = write_idx(tmp_path / "mnist", packed=True)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    if not path.stat().st_size:
        # gzip takes nothing for nothing packed.
        sentence = f"{path} is not an IDX file because it begins with nothing; {AGAIN}"
    else:
        sentence = f"{path} is not a gzip file, or is damaged; {AGAIN}"
    with fails(sentence):
        data.load(folder)


def test_truncated_idx(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "mnist")
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with fails(
        f"{path} is damaged: it has 87 bytes but its shape (6, 4, 3) of uint8 needs 88; {AGAIN}"
    ):
        data.load(folder)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an IDX file because it begins with nothing"),
        (b"\0\0\x08", "is not an IDX file because it begins with 000008"),
        (b"\0\1\x08\1\0\0\0\1\7", "is not an IDX file because it begins with 00010801"),
        (b"\0\0\x0a\1\0\0\0\1\7", "is not an IDX file because it begins with 00000a01"),
        (b"\0\0\x08\x21", "has 33 dimensions but at most 32 can be read"),
        (b"\0\0\x08\2\0\0\0\1\7", "is damaged: it ends after 9 bytes"),
        (
            b"\0\0\x0c\1\0\0\0\1\7\7\7",
            "is damaged: it has 11 bytes but its shape (1,) of int32 needs 12",
        ),
        (
            b"\0\0\x08\1\0\0\0\1\7\7",
            "is damaged: it has 10 bytes but its shape (1,) of uint8 needs 9",
        ),
    ],
)
def test_bytes_that_are_not_idx(content: bytes, sentence: str) -> None:
    with fails(f"f {sentence}; {AGAIN}"):
        parse_idx(content, "f")


def test_empty_idx() -> None:
    with fails("f has shape (0, 3) and is empty; give at least one value"):
        parse_idx(idx(np.empty((0, 3), np.uint8)), "f")


def bits_equal(a: Any, b: Any) -> bool:
    return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


@given(
    st.sampled_from(list(CODES)).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, max_side=5))
    )
)
def test_idx_round_trip(array: Any) -> None:
    assert bits_equal(parse_idx(idx(array)), array)


@given(st.binary() | st.binary().map(lambda rest: b"\0\0\x08\1" + rest), st.integers(0, 40))
def test_garbage_gives_only_data_errors(garbage: bytes, cut: int) -> None:
    sound = idx(ARRAYS["x_test"])
    for content in (garbage, sound[:cut] + garbage, sound[:cut], garbage + sound):
        try:
            array = parse_idx(content)
        except DataError as error:
            assert "\n" not in str(error)
        else:
            assert array.size > 0


def test_every_truncation_of_idx_is_refused() -> None:
    sound = idx(ARRAYS["x_test"])
    for size in range(len(sound)):
        with pytest.raises(DataError):
            parse_idx(sound[:size])
    for place, value in itertools.product(range(16), (0, 1, 255)):
        content = bytearray(sound)
        content[place] = value
        if bytes(content) != sound:
            with pytest.raises(DataError):
                parse_idx(bytes(content))
