"""The mesh: tiles, routers, links and buffers as arrays, and the rules by which messages pass.

Tiles lie in rows, tile ``y * width + x``; each has one router and some cores. A message travels
along its row first, then along its column (XY routing, which can't deadlock: Dally and Seitz, IEEE
Trans. Computers C-36(5), 1987). Its way is a chain of *stations*, numbered in this order:

===================  =========================================================================
links between tiles  4 * tile + direction: the one that leaves the tile EAST, WEST, NORTH (towards
                     larger y) or SOUTH
links in             one a core, from the core into its tile's router
links out            one a core, from the router into the core
readers              one a core: its inward pipeline, which works off arriving messages in order
writers              one a core: its outward pipeline, which scans and sends in order
===================  =========================================================================

Rules

- A link ends in a buffer of ``slots`` messages, first in, first out. It takes a message only when
  it's free and its buffer has a slot, which the message holds from then until it goes on. The
  message arrives ``hop`` ticks later; the link is free again after ``gap`` ticks. A message that
  can't go on stays, and all behind it wait, at last the core that sends: it stalls.
- A reader takes a message and works ``receive`` ticks on it. A writer works ``work`` ticks for each
  message and hands it to its link in before it begins the next one.
- A tick is worked in rounds. First whatever is due happens: messages arrive, stations fall free.
  Then every link and reader that can take a message chooses one, all at once. What a choice frees
  or uncovers counts in the next round of the same tick. Rounds end when nothing moves.
- Of several messages a link takes the one that arrived first; of equals, the one that travels EAST,
  then WEST, NORTH, SOUTH, then those of the tile's own cores in the order of their numbers.

The choices of a round don't touch each other, so the result is the same in whatever order they are
made. Times are whole ticks since the phase began; what a tick stands for is the caller's affair.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]

#: Directions of the links between tiles, in the order in which a router prefers them.
EAST, WEST, NORTH, SOUTH = range(4)
DIRECTIONS = 4
#: Kinds of links, each with its own times and buffer.
EAST_WEST, NORTH_SOUTH, INTO_ROUTER, INTO_CORE = range(4)
#: Columns of a journey: the message is made, leaves its core, lies in the other core's buffer, is
#: taken out of it, is worked off.
READY, SENT, ARRIVED, TAKEN, DONE = range(5)
MOMENTS = 5
#: No station, no message.
NONE = -1


class Mesh(NamedTuple):
    """The mesh as it is built: C cores, n tiles, L = 4 n + 2 C links; all arrays int64."""

    width: int  # tiles in a row
    tile: Ints  # (C,) tile of each core
    ends: Ints  # (L,) router that a link fills, NONE for a link out
    hop: Ints  # (L,) ticks from taking a message to its arrival
    gap: Ints  # (L,) ticks from taking a message to taking the next one
    slots: Ints  # (L,) messages that a link's buffer holds, those under way among them


class Messages(NamedTuple):
    """What the cores send in one phase: M messages, by sender, each sender's in its order."""

    first: Ints  # (C + 1,) core c sends the messages first[c] : first[c + 1]
    target: Ints  # (M,) core that each one goes to
    work: Ints  # (M,) ticks that its sender works for it, after the one before has left
    receive: Ints  # (M,) ticks that its receiver works on it
    rest: Ints  # (C,) ticks that a sender works after its last message has left


class Passage(NamedTuple):
    """What became of them, in ticks since the phase began."""

    journeys: Ints  # (M, MOMENTS)
    passed: Ints  # (L,) messages that a link took
    waited: Ints  # (L,) ticks that they had waited for it, together
    deepest: Ints  # (L,) slots of its buffer that were held at the end of a round, at most
    sender_end: Ints  # (C,) when the outward pipeline is done
    reader_end: Ints  # (C,) when the inward pipeline is done, 0 where nothing arrived


def make_mesh(
    width: int, height: int, tile: ArrayLike, hop: ArrayLike, gap: ArrayLike, slots: ArrayLike
) -> Mesh:
    """A mesh of width x height tiles with core c in ``tile[c]``.

    Args:
        width: tiles in a row.
        height: rows.
        tile: (C,) tile of each core.
        hop: (4,) ticks of a crossing, by kind of link: EAST_WEST, NORTH_SOUTH, INTO_ROUTER,
            INTO_CORE.
        gap: (4,) ticks between two messages on a link, by kind.
        slots: (4,) messages that the buffer at a link's end holds, by kind; 1 or more.
    """
    places = np.asarray(tile, np.int64)
    kind = kinds_of_links(width * height, places.size)
    return Mesh(
        width,
        places,
        _ends(width, height, places),
        *(np.asarray(of_kind, np.int64)[kind] for of_kind in (hop, gap, slots)),
    )


def kinds_of_links(tiles: int, cores: int) -> Ints:
    """Kind of each link, (L,)."""
    between = np.array([EAST_WEST, EAST_WEST, NORTH_SOUTH, NORTH_SOUTH])
    local = np.repeat([INTO_ROUTER, INTO_CORE], cores)
    return np.concatenate([np.tile(between, tiles), local])


def _ends(width: int, height: int, tile: Ints) -> Ints:
    """Router at the end of each link, (L,); links that would leave the mesh end nowhere."""
    ends = np.full((height, width, DIRECTIONS), NONE, np.int64)
    tiles = np.arange(width * height).reshape(height, width)
    ends[:, :-1, EAST] = tiles[:, 1:]
    ends[:, 1:, WEST] = tiles[:, :-1]
    ends[:-1, :, NORTH] = tiles[1:]
    ends[1:, :, SOUTH] = tiles[:-1]
    return np.concatenate([ends.ravel(), tile, np.full(tile.size, NONE)])
