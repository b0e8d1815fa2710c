"""The end of a stage: every edge drops its weakest operations and adds morphs of the others.

See docs/methods/prdarts.md, "Prune and replace".

Pure functions: all randomness comes through ``draw``, a callable that returns uniform numbers in [0, 1). Nothing is
drawn where nothing can be added. By default the faults of the public code are corrected, see
docs/methods/prdarts.md, "Where the public code departs from the paper".
``faithful`` restores those that change what a search finds: children inherit again and again, and edges are refilled by
blind draws that may bring back an operation that was just dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from engine.methods.prdarts.operation_pool import CellPool, Member, Pool
from runs.genotypes.morphisms import Restrictions, is_morphable, morphs

Draw = Callable[[], float]
# The weights of each edge's active operations, by kind of cell.
Probabilities = Mapping[str, Sequence[Sequence[float]]]
Choice = TypeVar("Choice")

NONE = "none"
# The public code gives up after ATTEMPTS attempts, and brings back dropped operations after ATTEMPTS_FOR_NEW.
ATTEMPTS = 250
ATTEMPTS_FOR_NEW = 201


@dataclass(frozen=True, slots=True)
class TransitionRules:
    """How a transition changes every edge.

    Attributes:
        stage: the number of the stage that ends, from 0.
        keep: the number of operations on an edge afterwards.
        morphs: how many of them are new.
        last: whether no stage follows; nothing is then protected.
    """

    stage: int
    keep: int
    morphs: int
    last: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """A dropped operation, and its weight."""

    operation: str
    probability: float


@dataclass(frozen=True, slots=True)
class Added:
    """An added operation.

    Attributes:
        operation: the child.
        parent: a survivor of the same edge.
        morph: the morphism from the parent to the child.
        probability: the parent's weight as a share of the weight of all survivors.
        attempts: the number of draws it took; 1 if legal children are enumerated.
        retry: whether the edge had it before.
    """

    operation: str
    parent: str
    morph: str
    probability: float
    attempts: int
    retry: bool


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """The changes to one edge.

    Attributes:
        cell: kind of cell.
        edge: its number.
        dropped: the operations dropped, in this order.
        added: the operations added.
        short: how many operations the edge lacks, because there was nothing to add now or before.
    """

    cell: str
    edge: int
    dropped: tuple[Dropped, ...]
    added: tuple[Added, ...]
    short: int

    def to_json(self) -> dict[str, Any]:
        """Return the change as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Heir:
    """An operation of the next supernet whose weights are made from those of its parent.

    Attributes:
        cell: kind of cell.
        edge: its number.
        operation: the child.
        parent: an operation of the same edge, which stays.
        morph: the morphism from the parent to the child.
        fresh: whether this transition added the child; otherwise its trained weights are lost.
    """

    cell: str
    edge: int
    operation: str
    parent: str
    morph: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class TransitionResult:
    """The result of the end of a stage.

    Attributes:
        pool: of the next stage; after the last, one operation on every edge.
        changes: of all edges, kind by kind.
        heirs: the operations that inherit, in the order of the columns of each edge.
    """

    pool: Pool
    changes: tuple[EdgeChange, ...]
    heirs: tuple[Heir, ...]


def transition(
    pool: Pool,
    probabilities: Probabilities,
    rules: TransitionRules,
    limits: Restrictions,
    draw: Draw,
    *,
    faithful: bool = False,
    none_competes: bool = True,
) -> TransitionResult:
    """Return the result of the end of a stage.

    Args:
        pool: of the stage that ends.
        probabilities: the softmax of each edge over its active operations.
        rules: of the stage that ends.
        limits: restrictions on morphisms.
        draw: returns uniform numbers in [0, 1).
        faithful: fill edges as the public code does, which may bring back what was just dropped, and let operations
            inherit again and again.
        none_competes: whether ``none`` is ranked by its weight after the last stage; otherwise it is dropped first
            then.
    """
    cells, changes = {}, []
    for kind, cell in pool.cells.items():
        discovered, edges = list(cell.discovered), []
        for number, (members, weights) in enumerate(zip(cell.edges, probabilities[kind], strict=True)):
            edge = _Edge(members, weights, rules, none_competes)
            added = list(_attempted(edge, limits, draw) if faithful else _enumerated(edge, limits, draw))
            discovered += [one.operation for one in added if one.operation not in discovered]
            edges.append(edge.members(added, discovered))
            short = max(0, rules.keep - len(edge.survivors) - len(added))
            changes.append(EdgeChange(kind, number, edge.dropped, tuple(added), short))
        cells[kind] = CellPool(tuple(discovered), tuple(edges))
    after = Pool(cells)
    return TransitionResult(after, tuple(changes), tuple(_heirs(after, changes, again=faithful)))


def weakest(
    operations: Sequence[str],
    weights: Sequence[float],
    count: int,
    *,
    protect: bool,
    none_competes: bool = True,
) -> list[str]:
    """Return the operations of an edge to drop, in this order; never all of them.

    Args:
        operations: the active ones, in order of discovery.
        weights: one for each; the earlier operation is dropped first in a tie.
        count: how many to drop; none if 0 or less.
        protect: whether the strongest convolution that can be morphed always stays.
        none_competes: whether ``none`` is ranked by its weight; otherwise it is dropped first.
    """
    order = sorted(range(len(operations)), key=weights.__getitem__)
    if not none_competes:
        order.sort(key=lambda place: operations[place] != NONE)
    if protect and (convolutions := [place for place in order if is_morphable(operations[place])]):
        order.remove(convolutions[-1])
    return [operations[place] for place in order[: max(0, min(count, len(operations) - 1))]]


class _Edge:
    """An edge in the middle of a transition.

    Attributes:
        survivors: the operations that stay, with their shares of the survivors' total weight.
        dropped: the operations that are dropped.
        once: the operations that the edge had, and dropped in an earlier transition.
        known: all operations that the edge has or has had.
        wanted: the number of operations to add.
    """

    def __init__(
        self, members: tuple[Member, ...], weights: Sequence[float], rules: TransitionRules, none_competes: bool
    ) -> None:
        active = [member.operation for member in members if member.active]
        self._weights = dict(zip(active, weights, strict=True))
        self._members = members
        self._rules = rules
        count = len(active) - rules.keep + rules.morphs
        gone = weakest(active, weights, count, protect=not rules.last, none_competes=none_competes or not rules.last)
        self.dropped = tuple(Dropped(name, self._weights[name]) for name in gone)
        staying = [name for name in active if name not in gone]
        self.survivors = dict(zip(staying, _shares([self._weights[name] for name in staying]), strict=True))
        self.once = {member.operation for member in members if not member.active}
        self.known = {member.operation for member in members}
        self.wanted = rules.morphs

    def members(self, added: Iterable[Added], discovered: Sequence[str]) -> tuple[Member, ...]:
        """Return the members of the edge after the transition, in order of discovery."""
        after = {
            member.operation: replace(
                member,
                active=member.operation in self.survivors,
                probability=self._weights.get(member.operation, member.probability),
            )
            for member in self._members
        }
        for one in added:
            before = after.get(one.operation)
            after[one.operation] = Member(
                one.operation,
                parent=one.parent,
                morph=one.morph,
                born=self._rules.stage + 1,
                probability=before.probability if before else None,
            )
        return tuple(after[name] for name in sorted(after, key=discovered.index))


def _enumerated(edge: _Edge, limits: Restrictions, draw: Draw) -> list[Added]:
    """Return additions found by enumeration: new operations, or else ones dropped in an earlier transition.

    See docs/methods/prdarts.md, "Refilling by enumeration" and "Retries of operations dropped earlier".

    A parent counts with its weight divided by the number of its legal morphisms, as if parent and morphism were drawn.
    """
    added: list[Added] = []
    for _ in range(edge.wanted):
        there = {one.operation for one in added}
        possible = [
            (share / len(children), Added(child, parent, morph, share, 1, retry=child in edge.known))
            for parent, share in edge.survivors.items()
            if (children := morphs(parent, limits))
            for morph, child in children.items()
            if child not in there and (child not in edge.known or child in edge.once)
        ]
        choices = [pair for pair in possible if not pair[1].retry] or possible
        if not choices:
            break
        added.append(_drawn([one for _, one in choices], [weight for weight, _ in choices], draw))
    return added


def _attempted(edge: _Edge, limits: Restrictions, draw: Draw) -> list[Added]:
    """Return additions found as in the public code: draw a parent, then a morphism, and check the child."""
    added: list[Added] = []
    parents, shares = list(edge.survivors), list(edge.survivors.values())
    for _ in range(edge.wanted):
        there = {*parents, *(one.operation for one in added)}
        for attempt in range(1, ATTEMPTS + 1):
            parent = _drawn(parents, shares, draw)
            # Drawing a parent that cannot be morphed wastes an attempt.
            if not (children := morphs(parent, limits)):
                continue
            morph, child = _drawn(list(children.items()), [1.0] * len(children), draw)
            if child in there or (child in edge.known and attempt <= ATTEMPTS_FOR_NEW):
                continue
            added.append(Added(child, parent, morph, edge.survivors[parent], attempt, retry=child in edge.known))
            break
    return added


def _heirs(after: Pool, changes: Iterable[EdgeChange], *, again: bool) -> Iterable[Heir]:
    """Yield what inherits: the new operations and, with ``again``, all whose recorded parent is on the same edge.

    See docs/methods/prdarts.md, "Children inherit once".
    """
    for change in changes:
        members = [member for member in after.cells[change.cell].edges[change.edge] if member.active]
        living = {member.operation for member in members}
        fresh = {one.operation for one in change.added}
        for member in members:
            if member.parent in living and (again or member.operation in fresh):
                yield Heir(
                    change.cell,
                    change.edge,
                    member.operation,
                    member.parent,
                    member.morph,
                    fresh=member.operation in fresh,
                )


def _shares(weights: Sequence[float]) -> list[float]:
    """Return the weights as shares of their sum; equal shares if all are zero."""
    total = math.fsum(weights)
    return [weight / total if total > 0 else 1 / len(weights) for weight in weights]


def _drawn(choices: Sequence[Choice], weights: Sequence[float], draw: Draw) -> Choice:
    """Return one of the choices, drawn with probability proportional to its weight."""
    left = draw()
    for choice, share in zip(choices, _shares(weights), strict=True):
        left -= share
        if left < 0:
            return choice
    # Rounding may leave a small remainder.
    return choices[-1]
