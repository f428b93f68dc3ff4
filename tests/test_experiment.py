"""Runs: saved after every epoch, read back whole, and continued bit for bit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import experiment, files, samples
from neurochip.chip import Chip
from neurochip.config import RunConfig, make
from neurochip.data import Dataset, from_arrays
from neurochip.data.augment import shifted
from neurochip.errors import (
    ConfigError,
    DataError,
    LimitError,
    NeurochipError,
    OutputError,
    RunFileError,
)
from neurochip.experiment import Run
from neurochip.hardware import Faults
from neurochip.mapping import CHIP_WIDTHS
from neurochip.network import Parameters

SMALL: dict[str, Any] = {
    "hidden": (16,),
    "timesteps": 4,
    "epochs": 3,
    "train_samples": 200,
    "test_samples": 60,
}
MODES: dict[str, dict[str, Any]] = {
    "online": {},
    "accumulate": {"update": "accumulate"},
    "last": {"update": "last"},
    "shadow": {"shadow_bits": 16},
    "stochastic shadow": {"shadow_bits": 16, "rounding": "stochastic", "update": "accumulate"},
    "bernoulli": {"encoding": "bernoulli"},
    "rate": {"encoding": "rate", "trace_rounding": "stochastic"},
    "random feedback": {"hidden": (16, 12), "feedback": "random", "delta_rounding": "stochastic"},
    "direct feedback": {"hidden": (16, 12), "feedback": "direct"},
    "sign feedback": {"hidden": (16, 12), "feedback": "sign", "reset": "hard"},
    "moved images": {"augment": "shift1", "encoding": "bernoulli"},
    "widths of layers": {"hidden": (16, 12), "layer_bits": (6, 4, 8), "readout_bits": 16},
    "words of synapses": {"random_words": "synapse", "update": "accumulate"},
    "halved": {"halve_at": (1, 4), "count_saturations": True, "seed": 2**63 - 1},
    "faults": {"stuck_bits": 0.1, "dead_neurons": 0.1, "read_flips": 0.001, "shadow_bits": 16},
    "faults after two epochs": {
        "sound_epochs": 2,
        "stuck_bits": 0.1,
        "weight_drift": 0.05,
        "fault_seed": 5,
        "threshold_mismatch": 0.1,
        "dead_cores": 1,
        "neurons_per_core": 6,
    },
    "given rates": {"rate_shifts": (4, 3), "readout": "spiking", "loss": "mse", "bias": False},
}


def fails(kind: type[NeurochipError], sentence: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(sentence)}$")


def config_of(**options: Any) -> RunConfig:
    return make({**SMALL, **options})


def begun(**options: Any) -> tuple[Run, Dataset]:
    config = config_of(**options)
    data = experiment.load_data(config)
    return experiment.build(config, data), data


def learned(epochs: int, out: Path | None, **options: Any) -> Run:
    run, data = begun(**options)
    return experiment.learn(run, data, epochs, out)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and bool(a == b)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A run that has finished one epoch of three."""
    path = tmp_path / "run.h5"
    learned(1, path)
    return path


# Going on


@pytest.mark.parametrize("mode", MODES)
def test_three_epochs_and_two_more_are_five(tmp_path: Path, mode: str) -> None:
    whole, part, rest = (tmp_path / name for name in ("whole.h5", "part.h5", "rest.h5"))
    learned(5, whole, **MODES[mode])
    learned(3, part, **MODES[mode])
    resumed = experiment.load_run(part)
    data = experiment.load_data(resumed.config)
    samples.check_mark(resumed.data_mark, data, part, "stop")
    experiment.learn(resumed, data, 2, rest)
    assert same(files.read_tree(rest), files.read_tree(whole))
    assert rest.read_bytes() == whole.read_bytes()


def test_every_epoch_through_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    learned(1, path)
    for _ in range(2):
        run = experiment.load_run(path)
        experiment.learn(run, experiment.load_data(run.config), 1, path)
    learned(3, tmp_path / "whole.h5")
    assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_images_are_moved_anew_in_every_epoch() -> None:
    """Also of a run in one piece: as if each epoch had learned its own copy of the set."""
    together, data = begun(augment="shift1", rate_shifts=(4, 4))
    experiment.learn(together, data, 2, None)
    apart, _ = begun(rate_shifts=(4, 4))
    for epoch in range(2):
        moved = shifted(data.train, (1, 8, 8), 1, 0, epoch)
        experiment.learn(apart, replace(data, train=moved), 1, None)
    for a, b in zip(together.chip.integers.weights, apart.chip.integers.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_formats_without_widths_of_layers_are_those_of_the_chip(file: Path) -> None:
    """Files that were written before layers could have their own."""
    tree = files.read_tree(file)
    told = json.loads(tree["formats"])
    for layer in told["layers"]:
        del layer["weight_bits"], layer["membrane_bits"]
    files.write_tree(file, {**tree, "formats": json.dumps(told)})
    assert experiment.load_run(file).chip.formats.widths == CHIP_WIDTHS


def test_the_rates_are_chosen_once(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    run = learned(1, path)
    resumed = experiment.load_run(path)
    assert resumed.chip.rate_shifts == run.chip.rate_shifts is not None
    experiment.learn(resumed, experiment.load_data(resumed.config), 1, None)
    assert resumed.chip.rate_shifts == run.chip.rate_shifts


def test_a_run_is_saved_before_it_learns(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    run, data = begun()
    experiment.save_run(run, path)
    resumed = experiment.load_run(path)
    assert resumed.accuracy is None
    assert resumed.chip.rate_shifts is None
    experiment.learn(resumed, data, 2, path)
    experiment.learn(run, data, 2, None)
    assert resumed.accuracy == run.accuracy
    assert np.array_equal(resumed.chip.integers.weights[0], run.chip.integers.weights[0])


def test_remaining_epochs(file: Path) -> None:
    run = experiment.load_run(file)
    assert run.config.epochs == 1
    sentence = f"run file {str(file)!r} has finished all its 1 epochs; ask for more with --epochs"
    with fails(ConfigError, sentence):
        experiment.remaining_epochs(run, file)
    run.config = run.config.with_options({"epochs": 5})
    assert experiment.remaining_epochs(run, file) == 4


def test_other_data_are_refused(file: Path) -> None:
    run, data = experiment.load_run(file), experiment.load_data(config_of())
    samples.check_mark(run.data_mark, data, file, "stop")
    x = data.train.x.copy()
    x[7, 3] = 0.5 if x[7, 3] != 0.5 else 0.25
    others = [
        from_arrays(x, data.train.y, data.test.x, data.test.y, name="mine"),
        from_arrays(data.train.x, data.train.y[::-1], data.test.x, data.test.y, name="mine"),
        replace(data, name="mine", train=data.train.take(199)),
    ]
    sentence = (
        f"data 'mine' are not those that {str(file)!r} learned (their checksum differs); stop"
    )
    for other in others:
        with fails(DataError, sentence):
            samples.check_mark(run.data_mark, other, file, "stop")


# A file and back


@pytest.mark.parametrize("mode", MODES)
def test_everything_comes_back(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "run.h5"
    run, data = begun(**MODES[mode])
    experiment.learn(run, data, 2, path)
    back = experiment.load_run(path)
    assert back.config == run.config
    assert back.data_mark == run.data_mark == samples.mark_of(data)
    for ours, theirs in ((back.start, run.start), (back.chip.integers, run.chip.integers)):
        assert same(asdict_of(ours), asdict_of(theirs))
    chip, old = back.chip, run.chip
    assert chip.hardware == old.hardware
    assert chip.network == old.network
    assert chip.rule == old.rule
    assert chip.formats == old.formats
    assert (chip.seed, chip.epoch, chip.n_learned) == (old.seed, 2, 400)
    assert chip.rate_shifts == old.rate_shifts
    assert len(back.history) == 2
    for entry, other in zip(back.history, run.history, strict=True):
        assert entry.test_accuracy == other.test_accuracy
        # What it took is told by the epoch alone: files keep counters.
        kept, held = ({**vars(k.record), "account": None} for k in (entry, other))
        assert same(kept, held)
    assert experiment.evaluate(back, data).accuracy == run.accuracy


def asdict_of(integers: Any) -> dict[str, Any]:
    return {
        f"{kind}{number}": array
        for kind, arrays in vars(integers).items()
        for number, array in enumerate(arrays)
    }


def test_a_file_holds_what_is_promised(file: Path) -> None:
    tree = files.read_tree(file)
    assert set(tree) == {
        *("config", "hardware", "network", "rule", "formats", "data_mark", "state"),
        *("start", "integers", "floats", "history"),
    }
    assert json.loads(tree["config"])["hidden"] == [16]
    assert tree["state"]["n_learned"] == 200
    fraction = json.loads(tree["formats"])["layers"][0]["weight"]
    held, meant = tree["integers"]["weights"]["layer0"], tree["floats"]["weights"]["layer0"]
    np.testing.assert_array_equal(held.T * 2.0**-fraction, meant)
    assert tree["history"]["counters"].shape == (1, 4, 2, 5)


def test_shadow_and_feedback_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    learned(1, path, shadow_bits=16, feedback="random")
    tree = files.read_tree(path)
    assert tree["integers"]["shadow"]["layer1"].dtype == np.int16
    assert tree["integers"]["feedback"]["layer0"].shape == (16, 10)
    assert experiment.load_run(path).chip.integers.feedback[0].dtype == np.int8


def test_a_chip_file_is_not_needed_again(tmp_path: Path, root: Path) -> None:
    chip = tmp_path / "mine.toml"
    chip.write_text((root / "hw_models" / "neurochip.toml").read_text())
    path = tmp_path / "run.h5"
    learned(1, path, hardware=str(chip))
    chip.unlink()
    run = experiment.load_run(path)
    experiment.learn(run, experiment.load_data(run.config), 1, path)
    assert run.chip.epoch == 2


# Interruptions


def test_an_interruption_keeps_the_last_finished_epoch(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    run, data = begun()

    def interrupt(run: Run, learned: int, scored: int, wrong: int) -> None:
        if run.chip.epoch == 1 and learned >= 128:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.learn(run, data, 3, path, interrupt)
    kept = experiment.load_run(path)
    assert (kept.chip.epoch, len(kept.history), kept.chip.n_learned) == (1, 1, 200)
    rest = experiment.remaining_epochs(kept, path)
    assert rest == 2
    experiment.learn(kept, data, rest, path)
    learned(3, tmp_path / "whole.h5")
    assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interruption_in_the_first_epoch_writes_nothing(tmp_path: Path) -> None:
    run, data = begun()

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.learn(run, data, 3, tmp_path / "run.h5", interrupt)
    assert not list(tmp_path.iterdir())


def test_progress_counts_samples() -> None:
    run, data = begun()
    told: list[tuple[int, ...]] = []
    experiment.learn(
        run, data, 2, None, lambda run, *numbers: told.append((run.chip.epoch, *numbers))
    )
    assert [entry[:3] for entry in told] == [(0, 128, 4), (0, 200, 8), (1, 128, 4), (1, 200, 8)]
    for entry in told:
        assert 0 <= entry[3] <= entry[2]
    assert told[1][3] == run.history[0].record.wrong


# What can't be used


def test_an_output_that_cannot_be_written_stops_before_learning(tmp_path: Path) -> None:
    run, data = begun()
    path = tmp_path / "none" / "run.h5"
    sentence = (
        f"{path} can't be written because the directory {path.parent} does not exist; make it "
        f"first or choose another path"
    )
    with fails(OutputError, sentence):
        experiment.learn(run, data, 1, path)
    assert run.chip.n_learned == 0


def test_a_test_set_that_does_not_fit_stops_before_learning(tmp_path: Path) -> None:
    run, data = begun()
    other = from_arrays(data.train.x[:, :60], data.train.y, data.test.x[:, :60], data.test.y)
    sentence = (
        "samples of shape (60,) hold 60 numbers, but the network has 64 inputs; give 64 numbers a "
        "sample"
    )
    with fails(DataError, sentence):
        experiment.learn(run, other, 1, tmp_path / "run.h5")
    assert not list(tmp_path.iterdir())


KEYS = ("config", "hardware", "network", "rule", "formats", "data_mark", "state", "integers")


@pytest.mark.parametrize("key", [*KEYS, "start"])
def test_a_file_that_lacks_a_key(file: Path, key: str) -> None:
    tree = files.read_tree(file)
    del tree[key]
    files.write_tree(file, tree)
    sentence = (
        f"run file {str(file)!r} lacks {key!r}, so it was not written by this program; make it "
        f"again"
    )
    with fails(RunFileError, sentence):
        experiment.load_run(file)


@pytest.mark.parametrize("key", ["seed", "epoch", "n_learned", "rate_shifts"])
def test_a_file_that_lacks_a_state(file: Path, key: str) -> None:
    tree = files.read_tree(file)
    del tree["state"][key]
    files.write_tree(file, tree)
    with pytest.raises(RunFileError, match=f"^run file .* lacks '{key}', so it was not written by"):
        experiment.load_run(file)


def test_a_file_whose_chip_is_in_words_of_the_first_version(file: Path) -> None:
    first = Path(__file__).parent / "vectors" / "hardware" / "neurochip_first.toml"
    tree = files.read_tree(file)
    files.write_tree(file, {**tree, "hardware": first.read_text(encoding="utf-8")})
    run = experiment.load_run(file)
    held = run.chip.integers.weights[0]
    assert same(held, tree["integers"]["weights"]["layer0"])
    assert run.chip.hardware.costs.energy.message_out.source == "unstated"
    data = experiment.load_data(run.config)
    assert experiment.learn(run, data, 1, file).chip.epoch == 2
    again = experiment.load_run(file).chip
    assert again.hardware == run.chip.hardware


def test_spike_rates_are_signals_a_neuron_and_step(file: Path) -> None:
    run, _ = begun()
    assert experiment.spike_rates(run) is None
    run = experiment.load_run(file)
    rates = experiment.spike_rates(run)
    assert rates is not None
    inputs, hidden = rates
    # Graded inputs send as often as they aren't zero, in every step alike.
    images = run.chip.encode(experiment.load_data(run.config).train.x)
    assert inputs == pytest.approx(np.count_nonzero(images) / images.size)
    assert 0 < hidden < 1


def test_a_history_may_be_missing(file: Path) -> None:
    tree = files.read_tree(file)
    del tree["history"]
    files.write_tree(file, tree)
    assert experiment.load_run(file).history == []


def with_(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split("/")
    place = tree
    for parent in parents:
        place = place[parent]
    place[last] = value
    return tree


GARBLED: dict[str, tuple[str, Any]] = {
    "config is a number": ("config", 3),
    "config is not JSON": ("config", "{"),
    "config is not a dict": ("config", "[]"),
    "config has an unknown option": ("config", '{"colour": 1}'),
    "network is empty": ("network", "{}"),
    "network is another": ("network", '{"timesteps": 4, "layers": [{"kind": "dense"}]}'),
    "hardware is not a chip": ("hardware", "name = 3"),
    "rule is unknown": ("rule", '{"name": "stdp"}'),
    "formats differ": ("formats", '{"layers": []}'),
    "state is a text": ("state", "none"),
    "seed is a text": ("state/seed", "none"),
    "seed is negative": ("state/seed", -1),
    "weights of another shape": ("integers/weights/layer0", np.zeros((3, 5), np.int8)),
    "weights of a shape that spreads": ("integers/weights/layer0", np.zeros((1, 16), np.int8)),
    "weights of another kind": ("integers/weights/layer0", np.zeros((64, 16), np.float64)),
    "biases of another shape": ("integers/biases/layer1", np.zeros(3, np.int32)),
    "too few weights": ("integers/weights", {"layer0": np.zeros((64, 16), np.int8)}),
    "layers out of order": ("integers/weights", {"layer1": np.zeros((64, 16), np.int8)}),
    "a history that ends early": ("history/test_accuracy", np.zeros(0)),
    "too many rates": ("state/rate_shifts", np.arange(5)),
}


@pytest.mark.parametrize("case", GARBLED)
def test_a_garbled_file(file: Path, case: str) -> None:
    files.write_tree(file, with_(files.read_tree(file), *GARBLED[case]))
    with pytest.raises(RunFileError) as raised:
        experiment.load_run(file)
    sentence = str(raised.value)
    assert sentence.startswith(f"run file {str(file)!r} ")
    assert sentence.endswith("; make it again")
    assert "\n" not in sentence


def test_faults_come_up_after_the_sound_epochs(tmp_path: Path) -> None:
    """Learning is that of a sound chip until then; the test of that epoch is of the broken one."""
    broken = {"stuck_bits": 0.3, "weight_drift": 0.1}
    runs = [learned(n, None, sound_epochs=2, **broken) for n in (1, 2)]
    sound = [learned(n, None) for n in (1, 2)]
    assert runs[0].accuracy == sound[0].accuracy
    assert not runs[0].chip.faults.any
    assert runs[1].history[0].test_accuracy == sound[1].history[0].test_accuracy
    assert runs[1].accuracy != sound[1].accuracy
    by_hand, data = sound[1].chip, experiment.load_data(sound[1].config)
    by_hand.inject(runs[1].config.faults)
    assert by_hand.evaluate(data.test).accuracy == runs[1].accuracy


def test_a_file_keeps_the_faults_of_its_chip(tmp_path: Path) -> None:
    """Also of one that was broken by hand; a sound chip's file says nothing of them."""
    path = tmp_path / "run.h5"
    run = learned(1, path)
    assert "faults" not in files.read_tree(path)
    run.chip.inject(Faults(dead_neurons=0.5, seed=3))
    experiment.save_run(run, path)
    assert experiment.load_run(path).chip.faults == Faults(dead_neurons=0.5, seed=3)


def test_faults_after_the_last_epoch_are_refused() -> None:
    with fails(
        ConfigError,
        "faults come up after sound_epochs = 4, but epochs is 3; lower the first or raise the "
        "second",
    ):
        begun(sound_epochs=4, stuck_bits=0.1)


def test_faults_that_a_chip_can_not_have_are_refused_before_it_learns() -> None:
    with fails(
        LimitError,
        "dead_cores is 40, but the network lies on 2 cores; lower it, or spread the network with "
        "neurons_per_core",
    ):
        begun(sound_epochs=2, dead_cores=40)


def test_a_holdout_is_kept_from_learning() -> None:
    whole, part = (experiment.load_data(make({"holdout": share})) for share in (0.0, 0.25))
    learned, held = experiment.hold_out(whole.train, 0.25)
    assert (len(learned), len(held)) == (1078, 359)
    np.testing.assert_array_equal(part.train.x, learned.x)
    np.testing.assert_array_equal(part.test.x, whole.test.x)
    parts = np.concatenate([learned.x, held.x])
    assert sorted(map(bytes, parts)) == sorted(map(bytes, whole.train.x))


def test_a_holdout_of_nothing_is_refused() -> None:
    few = experiment.load_data(make({"train_samples": 4})).train
    sentence = "a holdout of 0.1 of 4 samples holds out 0; leave one or more on either side"
    with pytest.raises(DataError, match=sentence):
        experiment.hold_out(few, 0.1)


def test_weights_that_no_seed_drew_are_kept(tmp_path: Path) -> None:
    config = make({"train_samples": 64, "hidden": (8,)})
    data = experiment.load_data(config)
    run = experiment.build(config, data)
    drawn = run.chip.parameters
    given = Parameters(tuple(3.0 * w for w in drawn.weights), drawn.biases)
    chip = Chip(run.chip.network, run.chip.hardware, run.chip.rule, 0, parameters=given)
    kept = experiment.Run(config, chip, chip.integers, [], run.data_mark, given)
    experiment.save_run(kept, tmp_path / "given.h5")
    loaded = experiment.load_run(tmp_path / "given.h5")
    assert loaded.chip.formats == chip.formats != run.chip.formats
    np.testing.assert_array_equal(loaded.chip.integers.weights[0], chip.integers.weights[0])


def test_formats_of_another_program(file: Path) -> None:
    tree = files.read_tree(file)
    formats = json.loads(tree["formats"])
    formats["layers"][0]["weight"] += 1
    files.write_tree(file, with_(tree, "formats", json.dumps(formats)))
    sentence = (
        f"run file {str(file)!r} holds what this program can't use (its formats are not those that "
        f"its network gets); make it again"
    )
    with fails(RunFileError, sentence):
        experiment.load_run(file)


def test_a_newer_version(file: Path) -> None:
    files.write_tree(file, files.read_tree(file), version=2)
    sentence = (
        f"{file} has version 2 of neurochip-run but this neurochip reads versions up to 1; update "
        f"neurochip or make the file again"
    )
    with fails(RunFileError, sentence):
        experiment.load_run(file)


def test_a_broken_checksum(file: Path) -> None:
    import h5py

    with h5py.File(file, "r+") as opened:
        weights = opened["integers/weights/layer0"]
        weights[0, 0] = int(weights[0, 0]) ^ 1
    sentence = (
        f"{file} is damaged: its contents don't match its checksum; restore it from a copy or make "
        f"it again"
    )
    with fails(RunFileError, sentence):
        experiment.load_run(file)


# Data


def test_spike_trains_of_a_file_are_shown_step_by_step(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    x = rng.random((30, 4, 12)) < np.where(np.arange(12) % 3 == y[:, None], 0.8, 0.1)[:, None]
    np.savez(tmp_path / "s.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    run = learned(
        2,
        None,
        data=str(tmp_path / "s.npz"),
        encoding="spikes",
        train_samples=None,
        test_samples=None,
    )
    assert run.chip.network.n_in == 12
    data = experiment.load_data(run.config)
    seen = run.chip.observe(data.test.x[0], 0)
    np.testing.assert_array_equal(seen.signal[0], x[0])
    assert run.accuracy is not None
    assert run.accuracy > 0.8
    with fails(
        DataError,
        "samples of shape (4, 12) last 4 steps, but the network shows 5; set timesteps to 4",
    ):
        wrong = config_of(data=str(tmp_path / "s.npz"), encoding="spikes", timesteps=5)
        wrong = wrong.with_options({"train_samples": 30, "test_samples": 30})
        experiment.learn(experiment.build(wrong, data), data, 1, None)


def test_the_first_samples_are_taken() -> None:
    data = experiment.load_data(config_of(train_samples=5, test_samples=2))
    everything = experiment.load_data(make({}))
    np.testing.assert_array_equal(data.train.x, everything.train.x[:5])
    np.testing.assert_array_equal(data.test.y, everything.test.y[:2])
    with fails(
        DataError,
        "digits, train: 5000 samples were asked for; take from 1 to its 1437 samples",
    ):
        experiment.load_data(config_of(train_samples=5000))


def test_a_mark_knows_samples_and_labels() -> None:
    data = experiment.load_data(config_of())
    mark = samples.mark_of(data)
    assert re.fullmatch("200:60:[0-9a-f]{8}", mark)
    assert mark == samples.mark_of(experiment.load_data(config_of()))
    assert mark != samples.mark_of(experiment.load_data(config_of(test_samples=3)))
    assert mark != samples.mark_of(experiment.load_data(config_of(train_samples=199)))
