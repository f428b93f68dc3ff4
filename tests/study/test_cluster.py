"""A study on a Dask cluster: real schedulers and workers, which are killed in the middle."""

from __future__ import annotations

import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurochip import cli, study
from neurochip.errors import StudyError
from neurochip.study.conduct import Told
from neurochip.study.spec import Spec
from neurochip.study.store import Store, Trial
from neurochip.study.work import Outcome
from tests.study.small import Alone, small, url
from tests.study.test_conduct import conducted, values

#: They wait for processes that are killed and started again.
pytestmark = pytest.mark.slow

pytest.importorskip("distributed")

#: Starts a cluster, says its address and the processes of its workers, lives until its input ends.
CLUSTER = """
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    count = int(sys.argv[1])
    with LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster:
        pids = [worker.process.pid for worker in cluster.workers.values()]
        print(cluster.scheduler_address, *pids, flush=True)
        sys.stdin.read()
"""


class Running:
    """A cluster in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], address: str, pids: list[int]) -> None:
        self.process = process
        self.address = address
        self.pids = pids

    def end(self) -> None:
        """Scheduler and workers at once."""
        os.killpg(self.process.pid, signal.SIGKILL)


@contextmanager
def cluster(n_workers: int, folder: Path) -> Iterator[Running]:
    (folder / "cluster.py").write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, str(folder / "cluster.py"), str(n_workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        address, *pids = process.stdout.readline().split()
        running = Running(process, address, [int(pid) for pid in pids])
        try:
            yield running
        finally:
            running.end()


class Counted:
    """How often each result was stored."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stored: list[tuple[int, int]] = []
        put = store.put

        def counting(number: int, seed: int, outcome: Outcome) -> None:
            self.stored.append((number, seed))
            put(number, seed, outcome)

        monkeypatch.setattr(store, "put", counting)


def long(**other: Any) -> Spec:
    """A study that lasts long enough for something to happen in its middle."""
    run = {"epochs": 30, "train_samples": 300, "hidden": [16], "timesteps": 4}
    return small(run=run, knobs={"weight_bits": [4, 8], "trace_bits": [4, 5, 6, 8]}, **other)


@pytest.mark.skipif(os.name != "posix", reason="kills by signals")
def test_a_worker_dies_in_the_middle_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = long()
    expected = conducted(spec, url(tmp_path, "alone.db"), Alone(spec))
    with cluster(2, tmp_path) as running, study.open_store(spec, url(tmp_path)) as store:
        counted = Counted(store, monkeypatch)

        def kill(told: Told) -> None:
            if told.done == 2:
                os.kill(running.pids[0], signal.SIGKILL)

        trials = study.run(spec, store, progress=kill, dask=running.address)
        assert values(trials) == values(store.trials()) == values(expected)
        assert sorted(counted.stored) == [(n, seed) for n in range(8) for seed in (0, 1)]


@pytest.mark.skipif(os.name != "posix", reason="kills by signals")
def test_a_cluster_dies_in_the_middle_and_another_goes_on(tmp_path: Path) -> None:
    spec = long()
    kept: list[Trial] = []
    with cluster(1, tmp_path) as running, study.open_store(spec, url(tmp_path)) as store:

        def end(told: Told) -> None:
            if told.done == 1:
                running.end()

        begin = time.monotonic()
        with pytest.raises(StudyError) as caught:
            study.run(spec, store, progress=end, dask=running.address)
        assert time.monotonic() - begin < 120
        kept = store.trials()
    assert str(caught.value).startswith(
        f"the Dask cluster at {running.address!r} can't be used any more ("
    )
    assert str(caught.value).endswith(
        "); see whether its scheduler and workers run, then run the same command again, with "
        "--dask or without: what is done is kept"
    )
    done = [trial for trial in kept if trial.state == "complete"]
    assert done
    with cluster(1, tmp_path) as other, study.open_store(spec, url(tmp_path)) as store:
        trials = study.run(spec, store, dask=other.address)
    assert [trials[trial.number] for trial in done] == done  # seconds included: done once
    assert values(trials) == values(conducted(spec, url(tmp_path, "alone.db"), Alone(spec)))


def test_workers_need_no_file_but_for_what_a_knob_loads_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.npz"
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 3, 6)), np.arange(40) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    run = {"data": str(path), "epochs": 1, "hidden": [4], "series": True}
    spec = small(run=run, knobs={"timesteps": [3, 6]}, seeds=[0])
    with cluster(1, tmp_path) as running, study.open_store(spec, url(tmp_path)) as store:
        check = store.check_data

        def checked(mark: str) -> None:  # then this machine has loaded what it sends
            check(mark)
            path.unlink()

        monkeypatch.setattr(store, "check_data", checked)
        first, second = study.run(spec, store, dask=running.address)
    assert first.state == "complete"
    assert second.reason is not None
    assert second.reason.startswith(f"{path} does not exist; give the path")
    assert "(on worker tcp://" in second.reason


def test_where_nothing_answers_one_sentence_says_what_to_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(small("tiny").to_toml())
    for address in ("tcp://127.0.0.1:1", "nonsense://there"):
        begin = time.monotonic()
        status = cli.main(["study", "run", "tiny.toml", "--dask", address])
        assert time.monotonic() - begin < 30
        out, err = capsys.readouterr()
        assert (status, out) == (2, "")
        assert err.startswith(
            f"neurochip: no Dask scheduler answers at {address!r} (tried for 5 s: "
        )
        assert err.endswith(
            "); check that one runs there (dask scheduler), that address and port are right and "
            "that this machine can reach it; nothing was run\n"
        )
        assert err.count("\n") == 1


class Nonsense(socketserver.BaseRequestHandler):
    """A server that isn't Dask's."""

    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.request.recv(1 << 16)


def test_a_server_that_is_not_of_dask_is_said_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(small("tiny").to_toml())
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Nonsense) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.server_address[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "neurochip", "study", "run", "tiny.toml", "--dask", address],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        server.shutdown()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"neurochip: no Dask scheduler answers at {address!r} (tried ")
    assert done.stderr.count("\n") == 1


def test_what_does_not_go_together_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(small("tiny").to_toml())
    words = ["study", "run", "tiny.toml", "--dask", "tcp://x:1"]
    assert cli.main([*words, "--workers", "2"]) == 2
    assert capsys.readouterr().err == (
        "neurochip: --workers is 2, but a Dask cluster has workers of its own; leave out --workers "
        "or --dask\n"
    )
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(words) == 2
    assert capsys.readouterr().err == (
        "neurochip: --dask needs Dask's distributed, which isn't installed; install it with pip "
        "install 'neurochip[dask]', here and on every worker\n"
    )


def test_a_cluster_without_workers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurochip.study.cluster.CONNECT", 1.0)
    spec = small()
    with cluster(0, tmp_path) as running, study.open_store(spec, url(tmp_path)) as store:
        with pytest.raises(StudyError) as caught:
            study.run(spec, store, dask=running.address)
        assert store.trials() == []
    assert str(caught.value) == (
        f"the Dask cluster at {running.address!r} has no worker (waited for 1 s); start one or "
        f"more there (dask worker {running.address}); nothing was run"
    )


@pytest.mark.skipif(os.name != "posix", reason="stops by a signal")
def test_ctrl_c_leaves_the_cluster_and_keeps_what_is_done(tmp_path: Path) -> None:
    spec = long()
    (tmp_path / "long.toml").write_text(spec.to_toml())
    command = [sys.executable, "-m", "neurochip", "study", "run", "long.toml"]
    with cluster(1, tmp_path) as running:
        process = subprocess.Popen(
            [*command, "--dask", running.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        assert process.stdout is not None
        assert process.stdout.readline().startswith("trial 0 done")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "what is done is kept; the same command goes on from here" in err
    assert "Traceback" not in err
    with study.open_existing(url(tmp_path, "long.db")) as store:
        assert store.trials()[0].state == "complete"
