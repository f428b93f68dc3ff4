"""Chips as data: one TOML file for each hardware model, read by `neurochip.hardware`.

Every number is a table {value, unit, basis, source}.  The basis is `measured` (silicon),
`simulated` (SPICE or RTL), `calibrated` (fitted), `assumed`, or `unknown` (then there's no value);
the source is a key of the file's [sources].
"""
