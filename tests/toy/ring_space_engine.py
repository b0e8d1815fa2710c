"""A search space added from outside, the engine part: a supernet and the network of one cell."""

import torch
from torch import nn

from engine.spaces.scoring import NTK, ScoredEdge, ScoringNetwork, node_value
from engine.spaces.space import DiscreteNetwork, SearchSpace, Supernet


def build(name, channels):
    """Return an operation other than ``none``."""
    match name:
        case "copy":
            return nn.Identity()
        case "blur":
            return nn.AvgPool2d(3, stride=1, padding=1)
    return nn.Conv2d(channels, channels, 3, padding=1, bias=False)


class Rings(nn.Module):
    """Stem, rings and classifier, whatever is on the edges: [B, 3, H, W] to [B, classes]."""

    def __init__(self, edges, operations, settings, classes):
        super().__init__()
        self.ends = edges
        self.stem = nn.Conv2d(3, settings.channels, 3, padding=1, bias=False)
        self.rings = nn.ModuleList(nn.ModuleList(operations()) for _ in range(settings.rings))
        self.head = nn.Linear(settings.channels, classes)

    def run(self, images, value):
        """Return class scores; ``value`` computes an edge from its operations, its index and the source's features."""
        features = self.stem(images)
        for ring in self.rings:
            nodes = [features]
            for target in (1, 2):
                incoming = [
                    value(ring[edge], edge, nodes[source])
                    for edge, (source, node) in enumerate(self.ends)
                    if node == target
                ]
                nodes.append(torch.stack(incoming).sum(0))
            features = nodes[-1]
        return self.head(features.mean((2, 3)))


class RingSupernet(Supernet):
    """The supernet, with all candidates of every edge."""

    def __init__(self, entry, candidates, settings, classes):
        super().__init__()
        self.candidates = candidates
        self.none = entry.operations.index("none")
        kept = [[op for op in row if op != self.none] for row in candidates["ring"]]
        self.body = Rings(
            entry.edges,
            lambda: [
                nn.ModuleDict({str(op): build(entry.operations[op], settings.channels) for op in row}) for row in kept
            ],
            settings,
            classes,
        )

    def forward(self, images, mixing):
        """Return class scores."""
        (cell,) = mixing.values()

        def value(operations, edge, features):
            runs = self.candidates["ring"][edge] if cell.active is None else cell.active[edge]
            mixed = [cell.weights[edge, op] * operations[str(op)](features) for op in runs if op != self.none]
            return torch.stack(mixed).sum(0) if mixed else torch.zeros_like(features)

        return self.body.run(images, value)


class RingNetwork(DiscreteNetwork):
    """The network of a genotype, with one operation per edge."""

    def __init__(self, entry, genotype, settings, classes):
        super().__init__()
        names = [edge.operation for edge in genotype.cells["ring"].edges]
        self.body = Rings(
            entry.edges,
            lambda: [nn.Identity() if name == "none" else build(name, settings.channels) for name in names],
            settings,
            classes,
        )
        self.empty = [name == "none" for name in names]

    def forward(self, images, drop_factors=None):
        """Return class scores; in training (scores, None)."""

        def value(operation, edge, features):
            return torch.zeros_like(features) if self.empty[edge] else operation(features)

        scores = self.body.run(images, value)
        return (scores, None) if self.training else scores

    def parts(self):
        """Return the rings."""
        return self.body.rings


class RingScoring(ScoringNetwork):
    """One ring for zero-cost proxies; linear regions are counted with a single channel."""

    def __init__(self, space, which, classes):
        super().__init__()
        self.space = space
        self.features = 3 if which == NTK else 1
        self.edges = nn.ModuleList(
            ScoredEdge(
                {
                    op: nn.Sequential(build(name, self.features), nn.ReLU())
                    for op, name in enumerate(space.operations)
                    if name != "none"
                }
            )
            for _ in space.edges
        )
        self.head = nn.Linear(self.features, classes)

    def forward(self, images):
        """Return class scores."""
        nodes = [images]
        for target in (1, 2):
            incoming = [
                self.edges[edge](nodes[source], self.live["ring"][edge])
                for edge, (source, node) in enumerate(self.space.edges)
                if node == target
            ]
            nodes.append(node_value(incoming, images))
        return self.head(nodes[-1].mean((2, 3)))


class Ring(SearchSpace):
    """The space; everything else has the default of its base class."""

    def supernet(self, candidates, stage):
        """Return a supernet."""
        return RingSupernet(self.entry, candidates, self._settings, self._classes)

    def network(self, genotype):
        """Return the network of a cell."""
        return RingNetwork(self.entry, genotype, self._settings, self._classes)

    @classmethod
    def scoring_network(cls, entry, which, classes):
        """Return one ring."""
        return RingScoring(entry, which, classes)
