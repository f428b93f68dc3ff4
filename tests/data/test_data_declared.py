"""Files with declared arrays: numbers and events of any names, in npz and HDF5 files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurochip import data
from neurochip.data import Layout, Split
from neurochip.data.declared import Sampling, read_declared
from neurochip.errors import ConfigError, DataError, NeurochipError

#: Four samples of a 2 x 3 camera; the second is silent.
EVENTS: dict[str, Any] = {
    "time": np.array([0, 1, 2, 3, 0, 4, 1, 3], np.uint16),
    "row": np.array([0, 1, 0, 1, 0, 1, 0, 1], np.uint8),
    "column": np.array([0, 1, 2, 0, 0, 0, 2, 2], np.uint8),
    "sign": np.array([0, 1, 1, 0, 1, 1, 0, 1], np.uint8),
    "first": np.array([0, 4, 4, 6, 8]),
    "class": np.array([0, 1, 1, 0], np.uint8),
    "group": np.array([7, 7, 8, 9]),
}
OF_EVENTS = {"t": "time", "y": "row", "x": "column", "offsets": "first", "label": "class"}
POOL: dict[str, Any] = {"sensor": (2, 3), "test_where": ("group", (8, 9)), "duration": 4}
NUMBERS: dict[str, Any] = {
    "signal_train": np.array([[0, 4], [2, -4], [9, 0]], np.int16),
    "class_train": np.array([0, 1, 1]),
    "signal_test": np.array([[1, 1]], np.int16),
    "class_test": np.array([1]),
}
OF_NUMBERS = {"samples": "signal_{split}", "label": "class_{split}"}


def fails(kind: type[NeurochipError], sentence: str) -> pytest.RaisesExc[NeurochipError]:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


@pytest.fixture(params=["npz", "h5"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Write arrays to a file of each kind."""

    def to_file(arrays: dict[str, Any], name: str = "f") -> Path:
        path = tmp_path / f"{name}.{request.param}"
        if request.param == "npz":
            np.savez(path, **arrays)
        else:
            with h5py.File(path, "w") as file:
                for key, array in arrays.items():
                    file[key] = array
        return path

    return to_file


def lists(x: Any) -> Any:
    return np.asarray(x).tolist()


# Events


def test_events_become_spikes(write: Any) -> None:
    loaded = data.load(write(EVENTS), layout=Layout(OF_EVENTS, **POOL), timesteps=2, temporal=True)
    train, test = loaded.train, loaded.test
    assert (train.x.shape, train.sample_shape) == ((2, 2, 2, 3), (2, 3))
    assert train.x.dtype == np.uint8
    assert lists(train.x[0]) == [[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 0, 0]]]
    assert not train.x[1].any()
    assert lists(test.x[0]) == [[[1, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
    assert (lists(train.y), lists(test.y), loaded.n_classes) == ([0, 1], [1, 0], 2)
    assert train.temporal and not train.graded


def test_polarities_are_channels(write: Any) -> None:
    layout = Layout({**OF_EVENTS, "p": "sign"}, **POOL)
    path = write(EVENTS)
    loaded = data.load(path, layout=layout, timesteps=1, temporal=True)
    assert loaded.train.sample_shape == (2, 2, 3)
    assert lists(loaded.train.x[0, 0]) == [[[1, 0, 0], [1, 0, 0]], [[0, 0, 1], [0, 1, 0]]]
    for sign in (EVENTS["sign"].astype(np.int8) * 2 - 1, EVENTS["sign"] > 0):
        if path.suffix == ".npz":
            np.savez(path, **{**EVENTS, "sign": sign})
            other = data.load(path, layout=layout, timesteps=1, temporal=True)
            np.testing.assert_array_equal(other.train.x, loaded.train.x)


def test_events_become_graded_frames(write: Any) -> None:
    path = write({**EVENTS, "column": EVENTS["column"] * 0, "row": EVENTS["row"] * 0})
    layout = Layout(OF_EVENTS, **{**POOL, "duration": None})
    loaded = data.load(path, layout=layout, timesteps=2)
    assert loaded.train.temporal and loaded.train.graded
    assert loaded.train.x.dtype == np.float32
    assert lists(loaded.train.x[0, :, 0, 0]) == [1.0, 1.0]
    assert lists(loaded.test.x[:, :, 0, 0]) == [[0.5, 0.5], [0.5, 0.5]]
    layout = Layout(OF_EVENTS, **{**POOL, "duration": 3}, full_count=1)
    loaded = data.load(path, layout=layout, timesteps=2)
    assert lists(loaded.train.x[0, :, 0, 0]) == [1.0, 1.0]
    layout = Layout(OF_EVENTS, **POOL, by="count", full_count=8)
    loaded = data.load(path, layout=layout, timesteps=4)
    assert lists(loaded.train.x[0, :, 0, 0]) == [0.125] * 4


def test_spikes_of_units_with_times_between_them(write: Any) -> None:
    arrays = {
        f"{split}_{key}": array
        for split in ("train", "test")
        for key, array in {
            "dt": np.array([1, 2, 1, 3], np.uint8),
            "unit": np.array([0, 1, 0, 4]),
            "offsets": np.array([0, 2, 4]),
            "label": np.array([0, 1]),
        }.items()
    }
    layout = Layout(
        {role: f"{{split}}_{role}" for role in ("dt", "unit", "offsets", "label")}, sensor=(5,)
    )
    train = data.load(write(arrays), layout=layout, timesteps=4, temporal=True).train
    assert lists(train.x.argmax(axis=1)) == [[1, 3, 0, 0, 0], [1, 0, 0, 0, 3]]
    assert train.x.sum() == 4


def test_one_array_a_sample_in_two_files(tmp_path: Path) -> None:
    for split in ("train", "test"):
        with h5py.File(tmp_path / f"{split}.h5", "w") as file:
            for key, dtype, rows in (
                ("times", np.float16, [[0.0, 0.5], [], [0.75]]),
                ("units", np.uint16, [[3, 1], [], [0]]),
            ):
                made = file.create_dataset(f"spikes/{key}", 3, h5py.vlen_dtype(dtype))
                for i, row in enumerate(rows):
                    made[i] = row
            file["labels"] = [0, 1, 2]
    layout = Layout(
        {"t": "spikes/times", "unit": "spikes/units", "label": "labels"}, sensor=(4,), duration=1
    )
    loaded = data.load(tmp_path / "{split}.h5", layout=layout, timesteps=4, temporal=True)
    assert loaded.train.x.shape == (3, 4, 4)
    assert lists(np.argwhere(loaded.test.x)) == [[0, 0, 3], [0, 2, 1], [2, 3, 0]]


# Numbers


def test_numbers_in_a_range(write: Any) -> None:
    path = write(NUMBERS)
    loaded = data.load(path, layout=Layout(OF_NUMBERS, value_range=(-4, 4)))
    assert not loaded.train.temporal
    assert lists(loaded.train.x) == [[0.5, 1.0], [0.75, 0.0], [1.0, 0.5]]
    differences = {"differences": "signal_{split}", "label": "class_{split}"}
    loaded = data.load(path, layout=Layout(differences, value_range=(-4, 4)))
    assert lists(loaded.train.x) == [[0.5, 1.0], [0.75, 0.25], [1.0, 1.0]]


def test_a_series_has_one_feature_a_step(write: Any) -> None:
    layout = Layout(OF_NUMBERS, series=True, value_range=(-4, 4))
    train = data.load(write(NUMBERS), layout=layout).train
    assert train.temporal and train.graded
    assert lists(train.x[:2]) == [[[0.5], [1.0]], [[0.75], [0.0]]]
    many = {key: np.tile(a > 1, (1, 3)) if a.ndim > 1 else a for key, a in NUMBERS.items()}
    many = {key: a.reshape(-1, 2, 3) if a.ndim > 1 else a for key, a in many.items()}
    for layout in (Layout(OF_NUMBERS), Layout(OF_NUMBERS, series=True)):
        train = data.load(write(many), layout=layout, temporal=True).train
        assert (train.x.shape, train.graded) == ((3, 2, 3), False)
        assert train.x.dtype == np.uint8


def test_a_small_range_far_from_0(write: Any) -> None:
    path = write({**NUMBERS, "signal_train": 10**9 + np.arange(6).reshape(3, 2)})
    train = data.load(path, layout=Layout(OF_NUMBERS, value_range=(1e9, 1e9 + 4))).train
    assert lists(train.x) == [[0.0, 0.25], [0.5, 0.75], [1.0, 1.0]]


def test_the_usual_names_may_be_left_out(write: Any) -> None:
    arrays = {key.replace("signal", "x").replace("class", "y"): a for key, a in NUMBERS.items()}
    train = data.load(write(arrays), layout=Layout(value_range=(-4, 4))).train
    assert lists(train.x[0]) == [0.5, 1.0]


def test_numbers_of_one_pool(write: Any) -> None:
    x = np.linspace(0, 1, 8).reshape(4, 2)
    arrays: dict[str, Any] = {"x": x, "y": np.arange(4), "part": [0, 1, 0, 1]}
    layout = Layout({"samples": "x", "label": "y"}, test_where=("part", (1,)))
    loaded = data.load(write(arrays), layout=layout)
    assert (lists(loaded.train.y), lists(loaded.test.y)) == ([0, 2], [1, 3])
    np.testing.assert_array_equal(loaded.test.x, np.float32(x[1::2]))


# Bad input


def load(path: Path, arrays: Any = OF_EVENTS, temporal: bool = True, **options: Any) -> Split:
    layout = Layout(arrays, **{**POOL, **options})
    return data.load(path, layout=layout, timesteps=2, temporal=temporal).train


def test_a_lacking_array(write: Any) -> None:
    path = write(EVENTS)
    held = ", ".join(sorted(EVENTS))
    with fails(
        DataError, f"{path} lacks p, q (it holds {held}); name arrays that it holds with arrays"
    ):
        load(path, {**OF_EVENTS, "p": "p"}, test_where=("q", (1,)))


BAD_EVENTS: dict[str, tuple[dict[str, Any], str]] = {
    "a row outside": (
        {"row": EVENTS["row"] * 2},
        "{path}, train: y is 2 at event 1 of sample 0 but the sensor has 2 rows, from 0 to 1; mend"
        " the sensor or remove the event",
    ),
    "unsorted times of a test sample": (
        {"time": EVENTS["time"][::-1]},
        "{path}, train: t falls from 3 to 1 at event 1 of sample 0 but times must not decrease;"
        " sort the events of each sample by time",
    ),
    "too few rows": (
        {"row": EVENTS["row"][:7]},
        "{path}, train: t has 8 events but y has 7; give one value of each an event",
    ),
    "a missing offset": (
        {"first": EVENTS["first"][[0, 1, 2, 4]]},
        "{path}, train: there are events of 3 samples but label has shape (4,); give one label a"
        " sample",
    ),
    "no events": (
        {"time": EVENTS["time"] + 4},
        "{path}, train: no sample has an event in a frame; give events, or a longer duration",
    ),
    "groups of other samples": (
        {"group": EVENTS["group"][:3]},
        "{path}: group has shape (3,) and label has shape (4,) but both must have (samples,); give"
        " one entry a sample",
    ),
    "no test samples": (
        {"group": EVENTS["group"] * 0},
        "{path}: group is 8, 9 for 0 of 4 samples; choose values in test_where so that both"
        " training and test samples are left",
    ),
    "no training samples": (
        {"group": EVENTS["group"] * 0 + 9},
        "{path}: group is 8, 9 for 4 of 4 samples; choose values in test_where so that both"
        " training and test samples are left",
    ),
    "a label that is none": (
        {"class": np.array([0, 1, 1, -1])},
        "{path}, test: y has the label -1 at index 1 but labels must be whole numbers from 0 to"
        " 65535; number the classes from 0 up",
    ),
    "a single class": (
        {"class": np.full(4, 2)},
        "{path}: all labels are 2 but learning to tell classes apart needs 2 or more; add samples"
        " of another class",
    ),
}


@pytest.mark.parametrize("case", BAD_EVENTS)
def test_bad_events(write: Any, case: str) -> None:
    arrays, sentence = BAD_EVENTS[case]
    path = write({**EVENTS, **arrays})
    with fails(DataError, sentence.replace("{path}", str(path))):
        load(path)


def test_a_polarity_that_is_none(write: Any) -> None:
    path = write({**EVENTS, "sign": EVENTS["sign"] * 2})
    with fails(
        DataError,
        f"{path}, train: p is 2 at event 1 of sample 0 but the sensor has 2 polarities, from 0 to"
        " 1; mend the sensor or remove the event",
    ):
        load(path, {**OF_EVENTS, "p": "sign"})


def test_events_whose_samples_are_not_told(write: Any) -> None:
    arrays = {role: key for role, key in OF_EVENTS.items() if role != "offsets"}
    path = write(EVENTS)
    with fails(
        DataError,
        f"{path}, train: t has shape (8,) and dtype uint16, so it isn't told which events are of"
        " which sample; declare offsets",
    ):
        load(path, arrays)


def test_arrays_of_samples_that_disagree(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        for key, lengths in (("t", (2, 1)), ("unit", (1, 2))):
            made = file.create_dataset(key, 2, h5py.vlen_dtype(np.uint8))
            for i, length in enumerate(lengths):
                made[i] = np.zeros(length, np.uint8)
        file["label"] = file["part"] = [0, 1]
        file["names"] = [b"ab", b"c"]
    with fails(
        DataError,
        f"{path}, train: t and unit have different numbers of events in some samples; give one"
        " value of each an event",
    ):
        load(
            path,
            {role: role for role in ("t", "unit", "label")},
            sensor=(3,),
            test_where=("part", (1,)),
        )

    with fails(
        DataError,
        f"{path}, train: unit has shape (2,) and dtype object, so it isn't told which events are of"
        " which sample; declare offsets",
    ):
        load(
            path,
            {"t": "t", "unit": "names", "label": "label"},
            sensor=(3,),
            test_where=("part", (1,)),
        )


def test_numbers_that_are_none(write: Any) -> None:
    for value in (np.nan, np.inf, -np.inf):
        path = write({**NUMBERS, "signal_train": np.array([[0, 1], [value, 2], [3, 4]])})
        with fails(
            DataError,
            f"{path}, train: x has 1 value that is not finite, the first at index (1, 0); remove or"
            " replace what isn't finite",
        ):
            data.load(path, layout=Layout(OF_NUMBERS, value_range=(0, 1)))
    path = write({**NUMBERS, "signal_train": np.array([[b"a"]] * 3)})
    for role in ("samples", "differences"):
        layout = Layout({role: "signal_{split}", "label": "class_{split}"}, value_range=(0, 1))
        with fails(
            DataError,
            f"{path}, train: {role} has shape (3, 1) and dtype |S1 but must hold real numbers,"
            " (samples, features...)",
        ):
            data.load(path, layout=layout)


def test_samples_of_a_pool_that_are_too_few(write: Any) -> None:
    path = write({"x": np.zeros((3, 2)), "y": np.arange(4), "part": [0, 1, 0, 1]})
    layout = Layout({"samples": "x", "label": "y"}, test_where=("part", (1,)))
    with fails(
        DataError,
        f"{path}: samples has shape (3, 2) but label has shape (4,); give one label a sample",
    ):
        data.load(path, layout=layout)


def test_sets_that_are_not_told_apart(write: Any) -> None:
    path = write(EVENTS)
    with fails(
        ConfigError,
        f"test samples of {path} are told by neither {{split}} in a name nor test_where; give one"
        " of the two",
    ):
        load(path, test_where=None)
    with fails(
        ConfigError,
        f"test samples of {path} are told by both {{split}} in a name and test_where; give one of"
        " the two",
    ):
        load(path, {**OF_EVENTS, "label": "{split}_label"})


def test_events_without_a_number_of_frames(write: Any) -> None:
    path = write(EVENTS)
    with fails(ConfigError, f"events of {path} are binned to frames; give their number, timesteps"):
        data.load(path, layout=Layout(OF_EVENTS, **POOL))


def test_full_counts_of_spikes(write: Any) -> None:
    with fails(
        ConfigError,
        "full_count is 3 but spikes are 0 or 1 whatever the count; leave it out, or choose the"
        " encoding graded, rate or bernoulli",
    ):
        load(write(EVENTS), full_count=3)


def test_sources_whose_arrays_are_known(tmp_path: Path) -> None:
    for source in ("digits", tmp_path):
        with fails(
            ConfigError,
            f"the arrays of {source} are known but its layout is declared too; leave out arrays,"
            " test_where, series and value_range, or give an npz or HDF5 file",
        ):
            data.load(source, layout=Layout(series=True))


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    kinds = "an .npz, .h5 or .hdf5 file, or a folder of IDX files"
    with fails(DataError, f"{tmp_path}/train.npz does not exist; give the path of {kinds}"):
        data.load(tmp_path / "{split}.npz", layout=Layout(OF_NUMBERS))
    (tmp_path / "f.csv").touch()
    with fails(DataError, f"{tmp_path}/f.csv is of an unknown kind; give {kinds}"):
        data.load(tmp_path / "f.csv", layout=Layout(OF_NUMBERS))


ANY_ARRAY = st.sampled_from(["i1", "i8", "u1", "u8", "f2", "f8", "?", "S2", "c8", "M8[s]"]).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
#: Sound arrays of three samples and four events.
SOUND: dict[str, Any] = {
    "t": [0, 2, 1, 1],
    "dt": [0, 2, 1, 0],
    "unit": [0, 3, 1, 1],
    "x": [0, 2, 2, 1],
    "y": [0, 1, 1, 1],
    "p": [0, 1, 1, 1],
    "offsets": [0, 2, 3, 4],
    "samples": [[0, 1], [1, 0], [1, 1]],
    "differences": [[0, 1], [1, 0], [1, 0]],
    "label": [0, 2, 1],
    "part": [0, 1, 0],
}
ROLES_TOGETHER = [
    *[("t", "unit", "offsets"), ("dt", "unit", "offsets"), ("t", "x", "y", "p", "offsets")],
    *[("samples",), ("differences",)],
]


@settings(max_examples=400)
@given(st.data(), st.sampled_from(ROLES_TOGETHER), st.booleans(), st.booleans())
def test_any_arrays_give_splits_or_a_sentence(
    draw: st.DataObject, roles: tuple[str, ...], pooled: bool, spikes: bool
) -> None:
    names = {role: role if pooled else f"{{split}}/{role}" for role in (*roles, "label")}
    layout = Layout(
        names,
        test_where=("part", (1, 2)) if pooled else None,
        sensor={"unit": (4,), "x": (2, 3)}.get(roles[1]) if len(roles) > 1 else None,
    )
    spoilt = draw.draw(st.sampled_from([*roles, "label", "part"]))

    def read(path: Path, keys: Any, remedy: str) -> dict[str, Any]:
        arrays = {key: np.array(SOUND[key.split("/")[-1]]) for key in keys}
        for key in keys:
            if key.endswith(spoilt):
                array = arrays[key]
                value = st.integers(-3, 5) | st.sampled_from([np.nan, np.inf, 2.5, 1 << 62])
                place = draw.draw(st.integers(0, array.size - 1))
                arrays[key] = array.astype(draw.draw(st.sampled_from(["i8", "f8"])))
                with np.errstate(invalid="ignore"):
                    arrays[key].ravel()[place] = np.array(draw.draw(value)).astype(
                        arrays[key].dtype
                    )
                arrays[key] = draw.draw(st.just(arrays[key]) | ANY_ARRAY)
        return arrays

    try:
        splits = read_declared("f.npz", layout, Sampling(3, spikes), read)
    except NeurochipError as error:
        assert re.fullmatch(r"[^\n]+", str(error))
    else:
        assert all(len(split) == len(split.x) > 0 for split in splits)
