"""What options, flags or a file, are refused, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurochip.config import RunConfig
from tests.cli.running import CHIPS, KINDS, Command, refused

LEARN: dict[str, tuple[str, str]] = {
    "unknown data set": (
        "--data digit",
        "data set 'digit' is unknown; did you mean 'digits', or use a built-in one (digits) or "
        f"give the path of {KINDS}",
    ),
    "missing file": ("--data none.npz", f"none.npz does not exist; give the path of {KINDS}"),
    "unknown kind of file": (
        "--data /dev/null",
        f"/dev/null is of an unknown kind; give {KINDS}",
    ),
    "a data set without a name": (
        "--data=",
        f"the data set has an empty name; give a built-in one (digits) or the path of {KINDS}",
    ),
    "spikes of still images": (
        "--encoding spikes",
        "digits, train: x has shape (1437, 64), without time steps, but spike trains have (samples,"
        " steps, features...); choose the encoding graded, rate or bernoulli, or give spike trains",
    ),
    "a layout of a built-in data set": (
        "--series",
        "the arrays of digits are known but its layout is declared too; leave out arrays,"
        " test_where, series and value_range, or give an npz or HDF5 file",
    ),
    "an array without a role": (
        "--arrays t=t,unit",
        "--arrays is 't=t,unit'; it must be ROLE=NAME with commas between them, each role once,"
        " such as t=times,unit=units,offsets=offsets,label=labels",
    ),
    "a role that is given twice": (
        "--arrays t=t,t=s",
        "--arrays is 't=t,t=s'; it must be ROLE=NAME with commas between them, each role once,"
        " such as t=times,unit=units,offsets=offsets,label=labels",
    ),
    "an unknown role": (
        "--arrays time=t,label=y",
        "arrays has the role 'time', which is unknown; the roles are samples, differences, t, dt,"
        " x, y, p, unit, offsets, label",
    ),
    "a value for testing that is none": (
        "--test-where speaker=George",
        "test_where is 'speaker=George'; it must be an array and its whole numbers for testing,"
        " such as speaker=4,5",
    ),
    "a range that is none": (
        "--value-range low",
        "--value-range is 'low'; it must be numbers with a comma between them, such as -5,5",
    ),
    "a duration of numbers": (
        "--data s.npz --duration 3",
        "duration is for events but arrays declares numbers (samples, label); leave it out or"
        " declare others",
    ),
    "too few samples": (
        "--train-samples 2000",
        "digits, train: 2000 samples were asked for; take from 1 to its 1437 samples",
    ),
    "unknown chip": (
        "--hardware loihy",
        "hardware model 'loihy' is unknown; the nearest is 'loihi'; built in are "
        f"{CHIPS}, or give the path of a .toml file",
    ),
    "missing chip": (
        "--hardware none.toml",
        "hardware model file none.toml does not exist; give an existing .toml file or one of "
        f"{CHIPS}",
    ),
    "chip that learns otherwise": (
        "--hardware odin",
        "hardware 'odin' learns by sdsp only, but was asked to learn by ottt; choose a chip that "
        "has it, or run what another chip has learned",
    ),
    "unknown rule": (
        "--rule stdp",
        "there is no learning rule 'stdp'; the known rules are 'ottt', 'sltt', 'bptt', 'tet', "
        "'tssl_bp', 'spike_representation'.",
    ),
    "weights too wide": (
        "--weight-bits 17",
        "hardware 'neurochip' with given values: registers.weight.bits is 17 but must be 2 to 16 "
        "bit; choose a value in that range",
    ),
    "weights too wide for this chip": (
        "--hardware loihi --weight-bits 9",
        "hardware 'loihi' with given values: registers.weight.bits is 9 but must be 2 to 8 bit, "
        "the most that this chip's weights have; choose fewer bits or another chip",
    ),
    "shadow too narrow": (
        "--shadow-bits 8",
        "hardware 'neurochip' with given values: registers.shadow.bits is 8 but must be 0 or 9 to "
        "16 bit, wider than the weights' 8 bit; widen it or set it to 0",
    ),
    "membrane too narrow": (
        "--membrane-fraction 23",
        "hardware 'neurochip' with given values: registers.membrane.fraction is 23 but must be 0 "
        "to 22 bit so that a membrane of 24 bit can hold 1.0; lower it or widen the membrane",
    ),
    "too many neurons": (
        "--hidden 131072",
        "the network has 131082 neurons, but hardware 'neurochip' holds 131072 (128 cores of "
        "1024); make the layers smaller or choose a larger chip",
    ),
    "too large a fan-in": (
        "--hidden 4097",
        "weight layer 1 has a fan-in of 4097, but a neuron of hardware 'neurochip' hears at most "
        "4096; make the layer below smaller or choose a larger chip",
    ),
    "too many synapses": (
        "--hidden 4096,4096",
        "the network's 17080320 synapses of 8 bits need 136642560 bits, but hardware 'neurochip' "
        "holds 134217728 bits of synaptic memory; use fewer or narrower weights or choose a larger "
        "chip",
    ),
    "a reset that the chip lacks": (
        "--hardware loihi --reset soft",
        "neurons of layer 0 have a soft reset, but hardware 'loihi' has hard; set reset = 'hard'",
    ),
    "too high a threshold": (
        "--v-th 4096",
        "the threshold of layer 0 is 4096.0 = 16777216 * 2^-12, but a membrane of 24 bits holds 1 "
        "to 8388607; change v_th, the membrane's bits or its fraction",
    ),
    "no choice": (
        "--update sometimes",
        "options: update is 'sometimes'; it must be 'online', 'accumulate' or 'last'",
    ),
    "no number": ("--timesteps few", "--timesteps is 'few'; it must be a whole number"),
    "a part of a number": ("--seed 0.5", "--seed is '0.5'; it must be a whole number"),
    "no real number": ("--lam half", "--lam is 'half'; it must be a number"),
    "no list": (
        "--hidden 16,",
        "--hidden is '16,'; it must be whole numbers with commas between them, such as 128,64",
    ),
    "no neurons": ("--hidden 16,0", "options: hidden is [16, 0]; each must be 1 or more"),
    "no steps": ("--timesteps 0", "options: timesteps is 0; it must be 1 or more"),
    "no epochs": ("--epochs 0", "options: epochs is 0; it must be 1 or more"),
    "no samples": ("--train-samples 0", "options: train_samples is 0; it must be 1 or more"),
    "a negative seed": (
        "--seed -1",
        "seed -1 is out of range; choose one of 0 to 9223372036854775807",
    ),
    "too large a seed": (
        "--seed 9223372036854775808",
        "seed 9223372036854775808 is out of range; choose one of 0 to 9223372036854775807",
    ),
    "a decay above 1": ("--lam 1.5", "LIF lam is 1.5; it must be a number from 0 to 1."),
    "not a number": ("--lam nan", "LIF lam is nan; it must be a number from 0 to 1."),
    "too few rates": (
        "--rate-shifts 3",
        "rate_shifts has 1 entries, but the network has 2 weight layers; give one for each",
    ),
    "a rate out of range": (
        "--rate-shifts 3,25",
        "rate_shift 25 of layer 1 is out of range; choose one of -8 to 24 (the rate is 2^-shift)",
    ),
    "epochs out of order": (
        "--halve-at 5,3",
        "OTTT halve_at is (5, 3); it must hold ascending epochs, none below 1.",
    ),
    "a width without a use": (
        "--width 2",
        "surrogate width is 2.0 but a table has no width; leave it out or use a boxcar, a "
        "triangle or a tent.",
    ),
    "a missing folder": (
        "--out none/run.h5",
        "none/run.h5 can't be written because the directory {here}/none does not exist; make it "
        "first or choose another path",
    ),
    "a folder for a file": ("--out ..", ".. is a directory; give the path of a file in it"),
    "a missing configuration": (
        "none.toml",
        "configuration 'none.toml' can't be read (No such file or directory); check the path",
    ),
    "a missing run": (
        "--resume none.h5",
        "none.h5 does not exist; give the path of a neurochip-run file",
    ),
}


@pytest.mark.parametrize("case", LEARN)
def test_bad_options(neurochip: Command, here: Path, case: str) -> None:
    options, sentence = LEARN[case]
    for form in ((), ("--json",)):
        said = neurochip("learn", *options.split(), *form)
        refused(said, sentence.replace("{here}", str(here)))
        assert not list(here.iterdir())


BAD_TOML: dict[str, tuple[str, str]] = {
    "a text for a table": ('arrays = "t=t"', "c.toml: arrays is 't=t'; it must be a table"),
    "a number for a name": (
        "[arrays]\nt = 1",
        "c.toml: arrays.t is 1; it must be a text",
    ),
    "unknown option": (
        "colour = 1",
        f"c.toml: option 'colour' is unknown; the options are {', '.join(RunConfig.model_fields)}",
    ),
    "wrong kind": ('timesteps = "8"', "c.toml: timesteps is '8'; it must be a whole number"),
    "a truth for a number": ("seed = true", "c.toml: seed is True; it must be a whole number"),
    "a number for a list": ("hidden = 128", "c.toml: hidden is 128; it must be a list"),
    "wrong kind in a list": (
        "hidden = [1.5]",
        "c.toml: hidden is 1.5; it must be a whole number",
    ),
    "out of range": ("epochs = 0", "c.toml: epochs is 0; it must be 1 or more"),
    "no choice": (
        'loss = "l1"',
        "c.toml: loss is 'l1'; it must be 'ce' or 'mse'",
    ),
}


@pytest.mark.parametrize("case", BAD_TOML)
def test_a_bad_configuration(neurochip: Command, here: Path, case: str) -> None:
    text, sentence = BAD_TOML[case]
    (here / "c.toml").write_text(text)
    refused(neurochip("learn", "c.toml"), sentence)
    assert [path.name for path in here.iterdir()] == ["c.toml"]


def test_a_configuration_that_is_not_toml(neurochip: Command, here: Path) -> None:
    (here / "c.toml").write_text("seed = = 1\n")
    said = neurochip("learn", "c.toml")
    assert said.status == 2
    assert re.fullmatch(
        r"neurochip: configuration 'c\.toml' is not valid TOML \(.*line 1.*\); mend that line\n",
        said.err,
    )
    (here / "c.toml").write_bytes(b"\xff\xfe")
    assert "is not valid TOML" in neurochip("learn", "c.toml").err
