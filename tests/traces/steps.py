"""Two steps on two tiles, with a stall, a message within a tile, and errors."""

from __future__ import annotations

from neurochip.chip.traffic import ERROR, SPIKE, Links, Phase, make_mesh, time_step

HOPS = (4, 6, 1, 2)
LINKS = Links(hop=HOPS, gap=HOPS, slots=(1, 1, 1, 1))
MESH = make_mesh(2, 1, [0, 0, 1], LINKS)


def two_steps():
    busy = [(1, 0, 4, 2), *[(0, 2, 1, 100)] * 5]
    forward = Phase.of("forward", SPIKE, 3, busy, rest=[7, 0, 0])
    errors = Phase.of("errors", ERROR, 3, [(2, 0, 2, 3)])
    return [time_step(MESH, [forward, errors], 50), time_step(MESH, [errors], 50)]
