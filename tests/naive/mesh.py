"""The mesh in plain Python: objects, every link looked at in every round, nothing remembered.

Written from the rules in `neurochip.kernels.mesh`, and sharing nothing with it: links are known by
name, not by number, and the next tick is found by asking everything when it will be ready.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

# Directions of travel, in the order in which a router prefers them.
STEPS = {"east": (1, 0), "west": (-1, 0), "north": (0, 1), "south": (0, -1)}


@dataclass
class Message:
    """One message; its times are filled in on its way."""

    source: int
    target: int
    work: int
    receive: int
    ready: int = -1
    sent: int = -1
    arrived: int = -1
    taken: int = -1
    done: int = -1
    here_since: int = -1  # tick in which it arrives, or arrived, where it is


@dataclass
class Link:
    """A link and the buffer at its end."""

    hop: int
    gap: int
    slots: int
    buffer: deque[Message] = field(default_factory=deque)
    free_from: int = 0
    passed: int = 0
    waited: int = 0
    deepest: int = 0


@dataclass
class Core:
    """Two pipelines: one that sends, one that reads."""

    number: int
    place: tuple[int, int]
    outbox: deque[Message]
    rest: int
    sender_end: int = 0
    reader_end: int = 0
    free_from: int = 0  # its reader


class NaiveMesh:
    """A mesh of width x height tiles; times and slots are given for each kind of link.

    Kinds: "row", "column", "in" (core to router), "out" (router to core).
    """

    def __init__(self, width, height, places, hop, gap, slots, sends, rests):
        self.cores = []
        for number, place in enumerate(places):
            outbox = deque(
                Message(number, target, work, receive) for target, work, receive in sends[number]
            )
            self.cores.append(Core(number, place, outbox, rests[number]))

        def link(kind):
            return Link(hop[kind], gap[kind], slots[kind])

        self.links: dict[tuple[Any, Any], Link] = {}
        for y in range(height):
            for x in range(width):
                for name, (dx, dy) in STEPS.items():
                    if 0 <= x + dx < width and 0 <= y + dy < height:
                        self.links[name, (x, y)] = link("row" if dx else "column")
        for core in self.cores:
            self.links["in", core.number] = link("in")
            self.links["out", core.number] = link("out")

    def run(self):
        """Let everything arrive; the messages, by sender, each sender's in its order."""
        sent = [list(core.outbox) for core in self.cores]
        for core in self.cores:
            core.sender_end = core.rest
            if core.outbox:
                self.make_next(core, 0)
        tick = self.next_tick(-1)
        while tick is not None:
            while self.round(tick):
                pass
            tick = self.next_tick(tick)
        return sent

    def make_next(self, core, tick):
        message = core.outbox[0]
        message.ready = message.here_since = tick + message.work

    def next_tick(self, tick):
        """The next tick in which something may change."""
        times = [link.free_from for link in self.links.values()]
        times += [m.here_since for link in self.links.values() for m in link.buffer]
        times += [core.free_from for core in self.cores]
        times += [core.outbox[0].here_since for core in self.cores if core.outbox]
        return min((time for time in times if time > tick), default=None)

    def round(self, tick):
        """Choose everywhere, then move; whether anything moved."""
        moves = [(name, self.choice(name, tick)) for name in self.links]
        reads = [(core, self.arrived_at(("out", core.number), tick)) for core in self.cores]
        moves = [(name, queue) for name, queue in moves if queue is not None]
        reads = [(core, m) for core, m in reads if m is not None and core.free_from <= tick]
        for core, message in reads:
            self.links["out", core.number].buffer.popleft()
            message.arrived, message.taken = message.here_since, tick
            message.done = core.free_from = core.reader_end = tick + message.receive
        # All that move leave their queues first, then they enter the next.
        moving = [(name, self.depart(queue, tick)) for name, queue in moves]
        for name, message in moving:
            link = self.links[name]
            link.passed += 1
            link.waited += tick - message.here_since
            link.free_from = tick + link.gap
            message.here_since = tick + link.hop
            link.buffer.append(message)
        for name, _ in moving:
            self.links[name].deepest = max(self.links[name].deepest, len(self.links[name].buffer))
        return bool(moves or reads)

    def depart(self, queue, tick):
        kind, number = queue
        if kind != "core":
            return self.links[queue].buffer.popleft()
        core = self.cores[number]
        message = core.outbox.popleft()
        message.sent = tick
        if core.outbox:
            self.make_next(core, tick)
        else:
            core.sender_end = tick + core.rest
        return message

    def arrived_at(self, queue, tick):
        """The first message of a queue, if it's there by now."""
        kind, number = queue
        waiting = self.cores[number].outbox if kind == "core" else self.links[queue].buffer
        if waiting and waiting[0].here_since <= tick:
            return waiting[0]
        return None

    def choice(self, name, tick):
        """The queue that a link takes a message from."""
        link = self.links[name]
        if link.free_from > tick or len(link.buffer) == link.slots:
            return None
        best = None
        for queue in self.queues_before(name):
            message = self.arrived_at(queue, tick)
            if message is None or self.way_on(queue, message) != name:
                continue
            if best is None or message.here_since < self.arrived_at(best, tick).here_since:
                best = queue
        return best

    def queues_before(self, name):
        """What may feed a link, in the order of preference."""
        kind, where = name
        if kind == "in":
            return [("core", where)]
        x, y = place = self.cores[where].place if kind == "out" else where
        queues = [(step, (x - dx, y - dy)) for step, (dx, dy) in STEPS.items()]
        queues = [queue for queue in queues if queue in self.links]
        return queues + [("in", core.number) for core in self.cores if core.place == place]

    def way_on(self, queue, message):
        """The link that a message takes after a queue: along its row, then along its column."""
        kind, where = queue
        if kind == "core":
            return ("in", where)
        if kind == "out":
            return None
        if kind == "in":
            x, y = self.cores[where].place
        else:
            x, y = where[0] + STEPS[kind][0], where[1] + STEPS[kind][1]
        goal_x, goal_y = self.cores[message.target].place
        if x != goal_x:
            return ("east" if x < goal_x else "west", (x, y))
        if y != goal_y:
            return ("north" if y < goal_y else "south", (x, y))
        return ("out", message.target)
