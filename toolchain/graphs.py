"""Strongly connected components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def components(graph: Mapping[int, set[int]]) -> list[list[int]]:
    """Tarjan's algorithm, without recursion; edges to nodes that are not in the graph are ignored."""
    search = _Search(graph)
    for root in graph:
        if root not in search.index:
            search.run(root)
    return search.found


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
