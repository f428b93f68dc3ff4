"""Every message of a phase on its way, tick by tick, by the rules of `neurochip.kernels.mesh`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurochip.kernels.agenda import EMPTY, RING, next_tick, put, shift_for, take
from neurochip.kernels.jit import kernel
from neurochip.kernels.mesh import (
    ARRIVED,
    DIRECTIONS,
    DONE,
    EAST,
    MOMENTS,
    NONE,
    NORTH,
    READY,
    SENT,
    SOUTH,
    TAKEN,
    WEST,
    Ints,
    Mesh,
    Messages,
    Passage,
)


class Stations(NamedTuple):
    """The stations while a phase runs, one entry each (S,); a station's queue is its buffer."""

    front: Ints  # first message of its queue, or NONE
    back: Ints  # last one
    wish: Ints  # station that its first message, having arrived, wants to go to; else NONE
    wisher: Ints  # first queue whose wish is this station, or NONE
    rival: Ints  # next queue with the same wish, or NONE
    held: Ints  # slots of its buffer that are taken
    free: Ints  # tick from which it can take a message
    alarm: Ints  # the last such tick that is, or was, on the agenda
    listed: Ints  # last round for which it was listed
    end: Ints  # router that it fills, or NONE
    x: Ints  # place of that router
    y: Ints
    hop: Ints  # as built
    gap: Ints
    slots: Ints  # NONE where there's no buffer to fill up
    passed: Ints  # as counted
    waited: Ints
    deepest: Ints


class Mail(NamedTuple):
    """The messages while a phase runs, one entry each (M,)."""

    x: Ints  # place of the router of the core that it goes to
    y: Ints
    target: Ints  # that core
    work: Ints
    receive: Ints
    here: Ints  # tick in which it is, or will be, where it is
    behind: Ints  # next message of the same queue, or NONE
    journeys: Ints  # (M, MOMENTS)


class Clock(NamedTuple):
    """What comes later, and what comes next.

    Event s of the agenda: the first message of station s arrives. Event S + s: station s falls
    free. Each is there at most once at a time.
    """

    shift: int  # 2^shift ticks are a bucket of the ring
    ring: Ints  # (RING,) the agenda
    events: Ints  # (2 S, 2)
    due: Ints  # (2 S,) events of this tick
    listing: Ints  # (2, S) stations that may take a message, in even rounds and in odd ones
    counts: Ints  # (3,) how many these are; events on the agenda
    choice: Ints  # (S,) station that each listed one takes a message from, or NONE


#: Entry of ``counts``: events on the agenda.
WAITING = 2


@kernel
def next_station(stations, mail, station, cores):  # type: ignore[no-untyped-def]
    """Where the first message of a station goes: along the row, then the column, then its core."""
    here, n = stations.end[station], stations.end.size
    if here == NONE:
        # From a writer to its link in, from a link out to its reader.
        return station - 3 * cores if station >= n - cores else station + cores
    m = stations.front[station]
    if stations.x[station] != mail.x[m]:
        return DIRECTIONS * here + (EAST if stations.x[station] < mail.x[m] else WEST)
    if stations.y[station] != mail.y[m]:
        return DIRECTIONS * here + (NORTH if stations.y[station] < mail.y[m] else SOUTH)
    return n - 3 * cores + mail.target[m]


@kernel
def remind(clock, tick, event):  # type: ignore[no-untyped-def]
    """Put an event of a later tick on the agenda."""
    put(clock.ring, clock.events, event, tick, clock.shift)
    clock.counts[WAITING] += 1


@kernel
def list_once(stations, clock, station, turn):  # type: ignore[no-untyped-def]
    """Let a station look for a message in round ``turn``."""
    if stations.listed[station] != turn:
        stations.listed[station] = turn
        side = turn & 1
        clock.listing[side, clock.counts[side]] = station
        clock.counts[side] += 1


@kernel
def announce(stations, mail, clock, station, turn, cores):  # type: ignore[no-untyped-def]
    """The first message of a queue has arrived and wants to go on from round ``turn``."""
    wish = next_station(stations, mail, station, cores)
    stations.wish[station] = wish
    stations.rival[station] = stations.wisher[wish]
    stations.wisher[wish] = station
    list_once(stations, clock, wish, turn)


@kernel
def withdraw(stations, queue):  # type: ignore[no-untyped-def]
    """The first message of a queue goes: the queue wishes for nothing."""
    other = stations.wisher[stations.wish[queue]]
    if other == queue:
        stations.wisher[stations.wish[queue]] = stations.rival[queue]
    else:
        while stations.rival[other] != queue:
            other = stations.rival[other]
        stations.rival[other] = stations.rival[queue]
    stations.wish[queue] = NONE


@kernel
def uncover(stations, mail, clock, station, tick, turn, cores):  # type: ignore[no-untyped-def]
    """A queue has another first message, or its first one: now, later, or none."""
    m = stations.front[station]
    if m == NONE:
        return
    if mail.here[m] <= tick:
        announce(stations, mail, clock, station, turn, cores)
    else:
        remind(clock, mail.here[m], station)


@kernel
def rank(queue, between):  # type: ignore[no-untyped-def]
    """Place of a queue in a router's preference: direction of travel, then core numbers."""
    return queue % DIRECTIONS if queue < between else queue


@kernel
def longest_waiting(stations, mail, station, cores):  # type: ignore[no-untyped-def]
    """Of the queues that wish for a station, the one whose first message arrived first."""
    between = stations.end.size - 4 * cores
    best = stations.wisher[station]
    queue = stations.rival[best]
    while queue != NONE:
        lead = mail.here[stations.front[best]] - mail.here[stations.front[queue]]
        if lead > 0 or (lead == 0 and rank(queue, between) < rank(best, between)):
            best = queue
        queue = stations.rival[queue]
    return best


@kernel
def choose(stations, mail, clock, station, tick, cores):  # type: ignore[no-untyped-def]
    """The station out of whose queue this one takes a message now, or NONE."""
    if stations.wisher[station] == NONE or stations.held[station] == stations.slots[station]:
        return NONE
    free = stations.free[station]
    if free > tick:
        if stations.alarm[station] != free:
            stations.alarm[station] = free
            remind(clock, free, stations.end.size + station)
        return NONE
    return longest_waiting(stations, mail, station, cores)


@kernel
def leave(stations, mail, queue, tick, cores):  # type: ignore[no-untyped-def]
    """Take the first message out of a queue; a writer begins its next one."""
    m = stations.front[queue]
    after = mail.behind[m]
    stations.front[queue] = after
    withdraw(stations, queue)
    if queue < stations.end.size - cores:
        stations.held[queue] -= 1
        return m
    mail.journeys[m, READY], mail.journeys[m, SENT] = mail.here[m], tick
    if after != NONE:
        mail.here[after] = tick + mail.work[after]
    return m


@kernel
def enter(stations, mail, link, m, tick):  # type: ignore[no-untyped-def]
    """Send a message over a link; True where it's the only one there."""
    stations.passed[link] += 1
    stations.waited[link] += tick - mail.here[m]
    stations.held[link] += 1
    stations.free[link] = tick + stations.gap[link]
    mail.here[m] = tick + stations.hop[link]
    mail.behind[m] = NONE
    alone = stations.front[link] == NONE
    if alone:
        stations.front[link] = m
    else:
        mail.behind[stations.back[link]] = m
    stations.back[link] = m
    return alone


@kernel
def read(stations, mail, reader, m, tick):  # type: ignore[no-untyped-def]
    """Let a reader work on a message."""
    end = tick + mail.receive[m]
    stations.free[reader] = end
    mail.journeys[m, ARRIVED] = mail.here[m]
    mail.journeys[m, TAKEN], mail.journeys[m, DONE] = tick, end


@kernel
def move(stations, mail, clock, station, queue, tick, turn, cores):  # type: ignore[no-untyped-def]
    """Let a station take the first message of a queue; ``turn`` is the round after this one."""
    m = leave(stations, mail, queue, tick, cores)
    uncover(stations, mail, clock, queue, tick, turn, cores)
    if stations.wisher[queue] != NONE:
        list_once(stations, clock, queue, turn)  # its buffer has a slot again
    if station >= stations.end.size - 2 * cores:
        read(stations, mail, station, m, tick)
    elif enter(stations, mail, station, m, tick):
        uncover(stations, mail, clock, station, tick, turn, cores)
    if stations.wisher[station] != NONE:
        list_once(stations, clock, station, turn)


@kernel
def wake(stations, mail, clock, tick, turn, cores):  # type: ignore[no-untyped-def]
    """Let happen what the agenda holds for a tick."""
    n = stations.end.size
    found = take(clock.ring, clock.events, tick, clock.shift, clock.due)
    clock.counts[WAITING] -= found
    for k in range(found):
        if clock.due[k] < n:
            announce(stations, mail, clock, clock.due[k], turn, cores)
        else:
            list_once(stations, clock, clock.due[k] - n, turn)


@kernel
def play_round(stations, mail, clock, tick, turn, cores):  # type: ignore[no-untyped-def]
    """All listed stations choose, then all that chose move."""
    side = turn & 1
    n = clock.counts[side]
    for k in range(n):
        clock.choice[k] = choose(stations, mail, clock, clock.listing[side, k], tick, cores)
    clock.counts[side] = 0
    for k in range(n):
        if clock.choice[k] != NONE:
            station = clock.listing[side, k]
            move(stations, mail, clock, station, clock.choice[k], tick, turn + 1, cores)
    for k in range(n):
        station = clock.listing[side, k]
        stations.deepest[station] = max(stations.deepest[station], stations.held[station])


@kernel
def play(stations, mail, clock, cores):  # type: ignore[no-untyped-def]
    """Let time pass until nothing moves any more."""
    n = stations.end.size
    for writer in range(n - cores, n):
        m = stations.front[writer]
        if m != NONE:
            remind(clock, mail.here[m], writer)
    tick, turn = np.int64(0), 1
    while clock.counts[WAITING] > 0:
        tick = next_tick(clock.ring, clock.events, tick, clock.shift)
        wake(stations, mail, clock, tick, turn, cores)
        while clock.counts[turn & 1] > 0:
            play_round(stations, mail, clock, tick, turn, cores)
            turn += 1


def _idle_stations(mesh: Mesh, messages: Messages, n: int) -> Stations:
    """All n stations of a mesh at rest, the writers with their messages queued."""
    first, links = messages.first, mesh.ends.size
    front, back, wish, wisher, rival = np.full((5, n), NONE, np.int64)
    front[n - first.size + 1 :] = np.where(first[1:] > first[:-1], first[:-1], NONE)
    held, free, alarm, listed, passed, waited, deepest = np.zeros((7, n), np.int64)
    end, x, y, hop, gap, slots = np.full((6, n), NONE, np.int64)
    end[:links], hop[:links], gap[:links], slots[:links] = mesh.ends, mesh.hop, mesh.gap, mesh.slots
    y[:links], x[:links] = np.divmod(np.maximum(mesh.ends, 0), mesh.width)
    return Stations(
        front=front,
        back=back,
        wish=wish,
        wisher=wisher,
        rival=rival,
        held=held,
        free=free,
        alarm=alarm,
        listed=listed,
        end=end,
        x=x,
        y=y,
        hop=hop,
        gap=gap,
        slots=slots,
        passed=passed,
        waited=waited,
        deepest=deepest,
    )


def _unsent_mail(mesh: Mesh, messages: Messages) -> Mail:
    """All messages, each chained to the next one of its sender."""
    n, first = messages.target.size, messages.first
    behind = np.arange(1, n + 1)
    behind[first[1:][first[1:] > first[:-1]] - 1] = NONE
    y, x = np.divmod(mesh.tile[messages.target], mesh.width)
    return Mail(
        x=x,
        y=y,
        target=messages.target,
        work=messages.work,
        receive=messages.receive,
        here=messages.work.copy(),
        behind=behind,
        journeys=np.zeros((n, MOMENTS), np.int64),
    )


def _new_clock(mesh: Mesh, messages: Messages, n: int) -> Clock:
    """Nothing on the agenda of n stations."""
    durations = (mesh.hop, mesh.gap, messages.work, messages.receive)
    furthest = max(int(ticks.max(initial=0)) for ticks in durations)
    return Clock(
        shift=shift_for(furthest),
        ring=np.full(RING, EMPTY, np.int64),
        events=np.empty((2 * n, 2), np.int64),
        due=np.empty(2 * n, np.int64),
        listing=np.empty((2, n), np.int64),
        counts=np.zeros(3, np.int64),
        choice=np.empty(n, np.int64),
    )


def pass_messages(mesh: Mesh, messages: Messages) -> Passage:
    """Bring every message of a phase to its core and work it off."""
    links, cores, first = mesh.ends.size, mesh.tile.size, messages.first
    n = links + 2 * cores
    stations, mail = _idle_stations(mesh, messages, n), _unsent_mail(mesh, messages)
    play(stations, mail, _new_clock(mesh, messages, n), cores)
    sender_end = messages.rest.copy()
    sending = np.flatnonzero(first[1:] > first[:-1])
    sender_end[sending] += mail.journeys[first[sending + 1] - 1, SENT]
    return Passage(
        journeys=mail.journeys,
        passed=stations.passed[:links],
        waited=stations.waited[:links],
        deepest=stations.deepest[:links],
        sender_end=sender_end,
        reader_end=stations.free[links : links + cores],
    )
