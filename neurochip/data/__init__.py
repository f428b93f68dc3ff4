"""Data sets in, checked before anything is learned from them.

digits = load("digits")            # built in
mnist = load("path/to/mnist.npz")  # or .h5, .hdf5, or a folder of IDX files
few = mnist.train.take(1000)
"""

from neurochip.data.encoders import to_graded
from neurochip.data.sources import available, load
from neurochip.data.split import Dataset, Split, from_arrays

__all__ = ["Dataset", "Split", "available", "from_arrays", "load", "to_graded"]
