"""The way from a NIR graph's input to its output, and the loops that lead back to it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from neurochip.errors import ExportError

__all__ = ["Chain", "Loop", "Nodes", "chain_of"]

Nodes = list[tuple[str, Any]]


@dataclass(frozen=True, eq=False)
class Loop:
    """A way back.

    Attributes:
        source: name of the node that it leaves.
        nodes: what it goes through, with names.
        target: name of the node whose input it adds to.
    """

    source: str
    nodes: Nodes
    target: str


@dataclass(frozen=True)
class Chain:
    """A graph in order.

    Attributes:
        nodes: names and nodes from the input to the output, these two among them.
        loops: in the order of the graph's edges.
    """

    nodes: Nodes
    loops: tuple[Loop, ...]


def chain_of(graph: Any) -> Chain:
    """The nodes of a graph in order; graphs inside it are gone through.

    Raises:
        ExportError: more than one way leads from the input to the output.
    """
    walk = _Walk()
    start, end = walk.open(graph, "")
    return walk.from_to(start, end)


class _Walk:
    """The nodes of a graph and of those inside it, under names of their own."""

    def __init__(self) -> None:
        self._nodes: dict[str, Any] = {}
        self._edges: list[tuple[str, str]] = []
        self._following: dict[str, list[str]] = defaultdict(list)

    def open(self, graph: Any, prefix: str) -> tuple[str, str]:
        """Take in a graph; the names of its input and output."""
        import nir

        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise ExportError(
                f"the NIR graph has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
                f"{' in ' + repr(prefix[:-1]) if prefix else ''}, but a network has one of each; "
                f"leave one of each"
            )
        ends: dict[str, tuple[str, str]] = {}
        for name, node in graph.nodes.items():
            if isinstance(node, nir.NIRGraph):
                ends[name] = self.open(node, f"{prefix}{name}.")
            else:
                self._nodes[prefix + name] = node
                ends[name] = (prefix + name, prefix + name)
        for source, target in graph.edges:
            self._edges.append((ends[source][1], ends[target][0]))
            self._following[ends[source][1]].append(ends[target][0])
        return ends[next(iter(graph.inputs))][0], ends[next(iter(graph.outputs))][1]

    def from_to(self, start: str, end: str) -> Chain:
        """The one way from the input to the output, and the ways that lead back to it."""
        chain, loops = [start], []
        while chain[-1] != end:
            name = chain[-1]
            onward = [k for k in self._following[name] if self._leads(k, end, set(chain))]
            if len(onward) != 1:
                raise ExportError(
                    f"node {name!r} of the NIR graph leads to the output by {len(onward)} ways, "
                    f"but layers of a network follow one another; leave one"
                )
            loops += [
                self._loop(name, first, [*chain])
                for first in self._following[name]
                if first != onward[0]
            ]
            chain.append(onward[0])
        return Chain([(name, self._nodes[name]) for name in chain], tuple(self._in_order(loops)))

    def _leads(self, name: str, end: str, seen: set[str]) -> bool:
        """Whether a node leads to the output without going back."""
        seen, waiting = set(seen), [name]
        while waiting:
            name = waiting.pop()
            if name == end:
                return True
            if name not in seen:
                seen.add(name)
                waiting += self._following[name]
        return False

    def _loop(self, source: str, first: str, chain: list[str]) -> Loop:
        way = [first]
        while way[-1] not in chain:
            targets = self._following[way[-1]]
            if len(targets) != 1 or targets[0] in way:
                raise ExportError(
                    f"node {way[-1]!r} of the NIR graph is on a way back and leads to "
                    f"{len(targets)} nodes, but feedback of a network leads to one; leave one"
                )
            way += targets
        return Loop(source, [(name, self._nodes[name]) for name in way[:-1]], way[-1])

    def _in_order(self, loops: list[Loop]) -> list[Loop]:
        """By where their first edges are in the file; ours are in the network's order."""

        def place(loop: Loop) -> int:
            first = loop.nodes[0][0] if loop.nodes else loop.target
            return self._edges.index((loop.source, first))

        return sorted(loops, key=place)
