"""A filter as a graph of decisions, and its layout as classic BPF.

A node is an instruction that knows its successors instead of offsets; equal nodes are one node. BPF
jumps forwards only, so code is laid out from its end: whatever a node leads to already has a place,
and its distance is known. A conditional jump reaches 255 instructions; where a successor is farther
away, a copy of it (a return) or an unconditional jump, which reaches everywhere, stands just behind.
"""

from __future__ import annotations

from typing import Final

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, k: struct sock_filter, linux/filter.h."""

LOAD, RETURN, AND, JUMP = 0x20, 0x06, 0x54, 0x05  # LD|W|ABS, RET|K, ALU|AND|K, JMP|JA
EQUAL, GREATER, AT_LEAST, ANY_BIT = 0x15, 0x25, 0x35, 0x45  # JMP|JEQ|K, JGT, JGE, JSET

MAX_INSTRUCTIONS: Final = 4096
"""BPF_MAXINSNS, linux/bpf_common.h."""

_REACH: Final = 255

Node = int


class TooLongError(Exception):
    """A filter of more instructions than the kernel takes; says how many."""

    def __init__(self, instructions: int) -> None:
        super().__init__(f"{instructions} instructions, and the kernel takes {MAX_INSTRUCTIONS}")
        self.instructions = instructions


class Graph:
    """Nodes, made from the end of a filter to its beginning."""

    __slots__ = ("_known", "_nodes")

    def __init__(self) -> None:
        self._nodes: list[tuple[int, int, Node, Node]] = []  # code, k, then, else
        self._known: dict[tuple[int, int, Node, Node], Node] = {}

    def result(self, value: int) -> Node:
        """End with SECCOMP_RET_* `value`."""
        return self._node(RETURN, value, -1, -1)

    def load(self, offset: int, then: Node) -> Node:
        """A becomes the word at `offset` of struct seccomp_data."""
        return self._node(LOAD, offset, then, then)

    def mask(self, bits: int, then: Node) -> Node:
        """A keeps these bits only."""
        return self._node(AND, bits, then, then)

    def test(self, code: int, k: int, then: Node, otherwise: Node) -> Node:
        """EQUAL, GREATER, AT_LEAST or ANY_BIT of A and `k`."""
        if then == otherwise:
            return then
        return self._node(code, k, then, otherwise)

    def _node(self, code: int, k: int, then: Node, otherwise: Node) -> Node:
        node = (code, k, then, otherwise)
        found = self._known.get(node)
        if found is None:
            found = self._known[node] = len(self._nodes)
            self._nodes.append(node)
        return found

    def layout(self, start: Node) -> tuple[Instruction, ...]:
        """The filter that begins at `start`. TooLongError where the kernel would refuse it."""
        code: list[Instruction] = []  # backwards: the last instruction first
        place: dict[Node, int] = {}  # the place of a node, or of the nearest way to it
        for node in self._backwards(start):
            operation, k, then, otherwise = self._nodes[node]
            if operation == RETURN:
                code.append((RETURN, 0, 0, k))
            elif then == otherwise:
                if place[then] != len(code) - 1:
                    self._lead(code, place, then)
                code.append((operation, 0, 0, k))
            else:
                # once more for each: a way to the one moves the other farther off
                for target in (then, otherwise, then, otherwise):
                    if len(code) - 1 - place[target] > _REACH:
                        self._lead(code, place, target)
                last = len(code) - 1
                code.append((operation, last - place[then], last - place[otherwise], k))
            place[node] = len(code) - 1
        if len(code) > MAX_INSTRUCTIONS:
            raise TooLongError(len(code))
        return tuple(reversed(code))

    def _lead(self, code: list[Instruction], place: dict[Node, int], target: Node) -> None:
        operation, k, _, _ = self._nodes[target]
        if operation == RETURN:
            code.append((RETURN, 0, 0, k))
        else:
            code.append((JUMP, 0, 0, len(code) - 1 - place[target]))
        place[target] = len(code) - 1

    def _backwards(self, start: Node) -> list[Node]:
        """Nodes that `start` leads to, each after those that it leads to itself.

        With its own stack: a chain of comparisons may be longer than Python's.
        """
        order: list[Node] = []
        seen: set[Node] = set()
        stack = [(start, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                _, _, then, otherwise = self._nodes[node]
                # the last pushed is laid out first, so it ends up farthest from the node
                stack += [(next_, False) for next_ in (then, otherwise) if next_ >= 0]
        return order
