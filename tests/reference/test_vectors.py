"""The committed reference vectors are what their script makes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.vectors import make_networks, make_vectors

MAX_BYTES = 400_000
#: Made where Lava, lava-dl and NengoLoihi run, each by a script beside it.
OF_PEERS = {"lava", "loihi3f", "nengo_loihi", "netx"}
MAKERS = {
    **dict.fromkeys(make_vectors.VECTORS, make_vectors.make),
    **dict.fromkeys(make_networks.VECTORS, make_networks.make),
}


def test_all_are_committed() -> None:
    names = {path.stem for path in make_vectors.FOLDER.glob("*.npz")}
    assert names == set(MAKERS) | OF_PEERS
    files = [make_vectors.FOLDER / f"{name}.npz" for name in MAKERS]
    assert sum(file.stat().st_size for file in files) < MAX_BYTES


@pytest.mark.parametrize("name", MAKERS)
def test_script_makes_the_file(name: str) -> None:
    made = MAKERS[name](name)
    with np.load(make_vectors.FOLDER / f"{name}.npz") as file:
        assert set(file.files) == set(made)
        assert json.loads(str(file["config_json"])) == json.loads(str(made.pop("config_json")))
        for array, value in made.items():
            assert np.allclose(file[array], value, rtol=0, atol=1e-12), array
