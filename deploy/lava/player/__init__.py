"""A network as Lava processes: all that an exported folder needs, besides lava-nc and h5py.

`neurochip deploy lava` copies these modules into the folder that it writes, so they import nothing
of neurochip but each other.
"""
