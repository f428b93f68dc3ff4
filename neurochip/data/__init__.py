"""Data sets in, checked before anything is learned from them.

digits = load("digits")            # built in
mnist = load("path/to/mnist.npz")  # or .h5, .hdf5, or a folder of IDX files
few = mnist.train.take(1000)

events = Layout({"t": "t", "unit": "unit", "offsets": "offsets", "label": "label"},
                test_where=("is_test", (1,)), sensor=(64,))
spoken = load("path/to/spikes.npz", layout=events, timesteps=20, temporal=True)
"""

from neurochip.data.encoders import ENCODINGS, Encoding, to_graded
from neurochip.data.events import Axis, Binning, Events, count_frames, spike_frames
from neurochip.data.layout import Layout
from neurochip.data.sources import available, load
from neurochip.data.split import Dataset, Split, from_arrays, from_splits

__all__ = [
    "ENCODINGS",
    "Axis",
    "Binning",
    "Dataset",
    "Encoding",
    "Events",
    "Layout",
    "Split",
    "available",
    "count_frames",
    "from_arrays",
    "from_splits",
    "load",
    "spike_frames",
    "to_graded",
]
