"""The commands of studies: run, show, best, report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from neurochip import cli
from tests.study.small import small

TEXT = small("tiny", knobs={"weight_bits": [4, 8]}, seeds=[0]).to_toml()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study's file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TEXT)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = cli.main(list(words))
    return (status, *capsys.readouterr())


@pytest.mark.slow
def test_from_a_file_to_a_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "study", "run", "tiny.toml", "--workers", "1")
    assert status == 0
    assert out.splitlines()[0].startswith("trial 0 done; 1/2, ")
    assert out.splitlines()[-1] == "stored in sqlite:///tiny.db"

    status, out, _ = said(capsys, "study", "show", "tiny.db", "--out", "t.csv", "--out", "t.md")
    assert status == 0
    assert out.splitlines()[0].split() == [
        *("trial", "weight_bits", "accuracy", "deviation", "memory", "deviation")
    ]
    assert (here / "t.csv").exists()
    assert (here / "t.md").read_text().startswith("| trial |")

    told = json.loads(said(capsys, "study", "show", "tiny", "--json")[1])
    assert [trial["state"] for trial in told["trials"]] == ["complete", "complete"]
    best = told["best"]

    told = json.loads(said(capsys, "study", "best", "tiny.toml", "--out", "b.h5", "--json")[1])
    assert told["trial"] == best
    again = json.loads(said(capsys, "run", "b.h5", "--json")[1])
    assert again["accuracy"] == told["accuracy"]
    assert said(capsys, "parity", "b.h5", "--samples", "10")[0] in (0, 1)

    status, out, _ = said(capsys, "report", "tiny.db", "--out", "r.html")
    assert (status, out) == (0, "written to r.html\n")

    # The database is never what a page or a run file replaces.
    kept = (here / "tiny.db").read_bytes()
    for words in (("report", "tiny.db"), ("study", "best", "tiny")):
        status, _, err = said(capsys, *words, "--out", "tiny.db")
        assert (status, err) == (
            2,
            "neurochip: 'tiny.db' is the study that is read and would be replaced; choose "
            "another path\n",
        )
    assert (here / "tiny.db").read_bytes() == kept

    # The same command again has nothing to do.
    status, out, _ = said(capsys, "study", "run", "tiny.toml")
    assert status == 0
    assert "done;" not in out

    (here / "tiny.toml").write_text(TEXT.replace("[4, 8]", "[4, 6]"))
    status, _, err = said(capsys, "study", "run", "tiny.toml")
    assert status == 2
    assert "knobs.weight_bits was [4, 8], now [4, 6]" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "no.toml"), "configuration 'no.toml' can't be read (No such file or directory)"),
        (("run", "tiny.toml", "--workers", "0"), "--workers is 0; it must be 1 or more"),
        (("show", "no.db"), "database 'no.db' doesn't exist; check the path, or make it with"),
    ],
)
@pytest.mark.usefixtures("here")
def test_bad_input_is_one_sentence(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = said(capsys, "study", *words)
    assert (status, out) == (2, "")
    assert err.startswith(f"neurochip: {sentence}")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("here")
def test_without_optuna_one_sentence_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    for words in (("run", "tiny.toml"), ("show", "tiny.db"), ("best", "tiny.db")):
        assert said(capsys, "study", *words) == (
            2,
            "",
            "neurochip: studies need Optuna, which isn't installed; install it with pip install "
            "'neurochip[study]'\n",
        )


def test_help_loads_no_optuna_and_no_compiler() -> None:
    code = (
        "import sys; from neurochip import cli; cli.main(['study', '--help']); "
        "print({'optuna', 'numba', 'matplotlib'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "set()"


def test_a_study_where_nothing_is_complete_ends_with_its_reason(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = small("failing", seeds=[0], knobs={"trace_bits": [4], "lam": [0.99]}).to_toml()
    (here / "failing.toml").write_text(text)
    words = ("study", "run", "failing.toml", "--workers", "1")
    reason = (
        "neurochip: study 'failing' has no complete trial: all 1 failed, the first because the "
        "trace that feeds weight layer 1 has 4 bits, but with lam = 0.99 it sums up to 100 spikes "
        "and needs 8; widen trace_bits or lower lam; change its file, and start it anew with "
        "another --storage\n"
    )
    status, out, err = said(capsys, *words)
    assert (status, err) == (2, reason)
    assert out.splitlines()[-1] == "stored in sqlite:///failing.db"
    status, out, err = said(capsys, *words, "--json")
    assert (status, err) == (2, reason)
    assert json.loads(out)["best"] is None


def test_the_database_lies_beside_the_file_for_every_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "sub").mkdir()
    source = "sub/my.study.v2.toml"
    (here / source).write_text(TEXT.replace("[4, 8]", "[4]"))
    _, out, _ = said(capsys, "study", "run", source, "--workers", "1")
    assert out.splitlines()[-1] == "stored in sqlite:///sub/my.study.v2.db"
    assert said(capsys, "study", "show", source)[0] == 0
    assert said(capsys, "study", "best", source, "--out", "b.h5")[0] == 0
    for study in (source, "sub/my.study.v2.db"):
        assert said(capsys, "report", study, "--out", "r.html")[:2] == (0, "written to r.html\n")
    # Another name of a database is as good, and the page says it.
    words = ("study", "run", source, "--storage", "data.study", "--workers", "1")
    assert said(capsys, *words)[0] == 0
    assert said(capsys, "study", "show", "data.study")[0] == 0
    assert said(capsys, "report", "data.study", "--out", "r.html")[0] == 0
    for line in (
        "neurochip study run my.study.v2.toml --storage data.study",
        "neurochip study show data.study --name my.study.v2",
        "neurochip report data.study --name my.study.v2 --out report.html",
    ):
        assert line in (here / "r.html").read_text()


ADAPTING = small(
    "adapting",
    workflow="adapt",
    seeds=[0],
    run={"epochs": 1, "train_samples": 80, "hidden": [8], "timesteps": 4, "adapt_samples": 30},
    knobs={"replay": [0, 10]},
).to_toml()


def test_the_best_that_adapted_is_told_with_and_without_the_shift(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "adapting.toml").write_text(ADAPTING)
    assert said(capsys, "study", "run", "adapting.toml", "--workers", "1")[0] == 0
    told = json.loads(said(capsys, "study", "best", "adapting", "--out", "b.h5", "--json")[1])
    status, out, _ = said(capsys, "study", "best", "adapting", "--out", "b.h5")
    assert status == 0
    assert (
        f"test accuracy {told['accuracy']:.2%} with the shift and {told['retained']:.2%} without "
        f"it; nothing was chosen by the test set" in out
    )
    assert json.loads(said(capsys, "run", "b.h5", "--json")[1])["accuracy"] == told["retained"]


def test_a_preset_without_its_data_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("study", "run", "adapt-mnist")
    for data, path in (((), "mnist.npz"), (("--data", "no/other.npz"), "no/other.npz")):
        status, _, err = said(capsys, *words, *data, "--storage", f"{len(data)}.db")
        assert (status, err) == (
            2,
            f"neurochip: {path} does not exist; give the path of an .npz, .h5 or .hdf5 file, or a "
            f"folder of IDX files\n",
        )
