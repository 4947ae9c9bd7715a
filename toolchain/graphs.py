"""Strongly connected components and dominators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce


def components(graph: Mapping[int, set[int]]) -> list[list[int]]:
    """Tarjan's algorithm, without recursion; edges to nodes that are not in the graph are ignored."""
    search = _Search(graph)
    for root in graph:
        if root not in search.index:
            search.run(root)
    return search.found


def immediate_dominators(root: int, successors: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """For each node that is reached from the root the nearest one that all paths to it go through; the root's own is
    itself. (Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm)"""
    order = {node: n for n, node in enumerate(_post_order(root, successors))}
    before: dict[int, list[int]] = {node: [] for node in order}
    for node in order:
        for successor in successors[node]:
            before[successor].append(node)
    found = {root: root}
    changed = True
    while changed:
        changed = False
        for node in sorted(order.keys() - {root}, key=lambda n: -order[n]):
            new = reduce(partial(_common, found, order), (b for b in before[node] if b in found))
            if found.get(node) != new:
                found[node], changed = new, True
    return found


def loop_bodies(root: int, successors: Mapping[int, Sequence[int]]) -> dict[int, set[int]]:
    """The natural loops: by the node where one begins, all that lead back there."""
    dominators = immediate_dominators(root, successors)
    before: dict[int, list[int]] = {}
    for node in dominators:
        for successor in successors[node]:
            before.setdefault(successor, []).append(node)
    bodies: dict[int, set[int]] = {}
    for head, sources in before.items():
        todo = [node for node in sources if _is_above(head, node, dominators)]
        body = bodies.setdefault(head, {head}) if todo else {head}
        while todo:
            node = todo.pop()
            if node not in body:
                body.add(node)
                todo += before.get(node, ())
    return bodies


def _is_above(node: int, other: int, dominators: Mapping[int, int]) -> bool:
    """Whether a node dominates another one."""
    while other != node and dominators[other] != other:
        other = dominators[other]
    return other == node


def _common(dominators: Mapping[int, int], order: Mapping[int, int], a: int, b: int) -> int:
    """The nearest node that dominates both, as far as is known."""
    while a != b:
        a, b = (dominators[a], b) if order[a] < order[b] else (a, dominators[b])
    return a


def _post_order(root: int, successors: Mapping[int, Sequence[int]]) -> list[int]:
    done: list[int] = []
    seen, work = {root}, [(root, iter(successors[root]))]
    while work:
        node, rest = work[-1]
        following = next((s for s in rest if s not in seen), None)
        if following is None:
            done.append(node)
            work.pop()
        else:
            seen.add(following)
            work.append((following, iter(successors[following])))
    return done


class _Search:
    """The state of the depth-first search: order of discovery, lowest reachable order, nodes not yet assigned."""

    def __init__(self, graph: Mapping[int, set[int]]) -> None:
        self._graph = graph
        self.index: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._open: list[int] = []
        self._is_open: set[int] = set()
        self.found: list[list[int]] = []

    def run(self, root: int) -> None:
        work = [(root, self._discover(root))]
        while work:
            node, successors = work[-1]
            following = next(successors, None)
            if following is None:
                work.pop()
                self._close(node)
                if work:
                    self._lower(work[-1][0], self._low[node])
            elif following not in self.index:
                work.append((following, self._discover(following)))
            elif following in self._is_open:
                self._lower(node, self.index[following])

    def _discover(self, node: int) -> Iterator[int]:
        self.index[node] = self._low[node] = len(self.index)
        self._open.append(node)
        self._is_open.add(node)
        return iter(sorted(s for s in self._graph[node] if s in self._graph))

    def _lower(self, node: int, value: int) -> None:
        self._low[node] = min(self._low[node], value)

    def _close(self, node: int) -> None:
        """If the node is the first of its component, take the component off the open nodes."""
        if self._low[node] != self.index[node]:
            return
        component: list[int] = []
        while not component or component[-1] != node:
            component.append(self._open.pop())
            self._is_open.discard(component[-1])
        self.found.append(component)
