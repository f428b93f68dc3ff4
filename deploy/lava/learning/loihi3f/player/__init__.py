"""A network that learns in Lava, as an exported folder needs it, besides lava-nc and h5py.

`neurochip deploy lava` copies these modules into the folder that it writes, so they import nothing
of neurochip but each other and the few that go with them.
"""
