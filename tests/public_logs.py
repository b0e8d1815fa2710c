"""Logs in the forms of the public repositories, written here: short, but with everything that those have."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable, Iterator, Sequence

CELL = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), ('dil_conv_5x5', 3)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_5x5', 2), ('sep_conv_5x5', 1), ('sep_conv_5x5', 1), "
    "('dil_conv_5x5', 3), ('skip_connect', 4), ('sep_conv_5x5', 1)], reduce_concat=range(2, 6))"
)
OTHER_CELL = CELL.replace(
    "('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)", "('max_pool_3x3', 1), " * 2 + "('sep_conv_3x3', 2)"
)
STRING = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
Rows = Sequence[Sequence[float]]


class Clock:
    """Stamps lines, beginning on 25 September at 13:00."""

    def __init__(self, form: str = "%m/%d %I:%M:%S %p ") -> None:
        self._form, self._now = form, datetime.datetime(2019, 9, 25, 13)

    def __call__(self, message: str, minutes: int = 0) -> str:
        self._now += datetime.timedelta(minutes=minutes)
        return self._now.strftime(self._form) + message


def weights(rows: int, columns: int, seed: int = 0, pruned: int = 0) -> list[list[float]]:
    """Return rows that sum to about 1, the first ``pruned`` entries of each 0, four digits as torch prints them."""
    dice = random.Random(seed)
    found = []
    for _ in range(rows):
        row = [0.0 if column < pruned else dice.uniform(0.5, 1.5) for column in range(columns)]
        found.append([round(value / sum(row), 4) for value in row])
    return found


def tensor(rows: Rows, end: str = "", form: str = "{:.4f}") -> str:
    """Return rows as torch prints them; rows of more than eight numbers are wrapped."""
    lines = []
    for row in rows:
        words = [form.format(value) for value in row]
        parts = [", ".join(words[first : first + 8]) for first in range(0, len(words), 8)]
        lines.append("[" + (",\n" + " " * 9).join(parts) + "]")
    return "tensor([" + (",\n" + " " * 8).join(lines) + f"]{end})"


def old_tensor(rows: Rows) -> str:
    """Return rows as torch 0.3 printed them."""
    lines = ["Variable containing:", *(" " + "  ".join(f"{value:.4f}" for value in row) for row in rows)]
    return "\n".join([*lines, f"[torch.cuda.FloatTensor of size {len(rows)}x{len(rows[0])} (GPU 0)]", ""])


def text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def darts(epochs: int = 3, *, old: bool = False) -> Iterator[str]:
    """A search of quark0/darts, as printed: the log file itself has no matrices."""
    say = Clock()
    yield say("gpu device = 0")
    yield say(
        "args = Namespace(arch_learning_rate=0.0003, arch_weight_decay=0.001, batch_size=64, cutout=False, "
        "data='../data', drop_path_prob=0.3, epochs=3, gpu=0, grad_clip=5, init_channels=16, layers=8, "
        "learning_rate=0.025, report_freq=50.0, save='search-EXP-20190101-000000', seed=2, unrolled=False)"
    )
    yield say("param size = 1.930618MB")
    for epoch in range(epochs):
        yield say(f"epoch {epoch} lr {0.025 - epoch / 1000:e}")
        yield say(f"genotype = {OTHER_CELL if epoch == 0 else CELL}")
        for seed in (epoch, 100 + epoch):
            rows = weights(14, 8, seed)
            yield old_tensor(rows) if old else tensor(rows, ", device='cuda:0', grad_fn=<SoftmaxBackward>")
        yield say("train 000 2.412312e+00 7.812500 48.437500")
        yield say(f"train 050 {2 - epoch / 10:e} 20.5 60.5")
        yield say(f"train_acc {30 + epoch:.6f}", 60)
        yield say("valid 000 1.200000e+00 50.000000 90.000000")
        yield say(f"valid_acc {40 + epoch:.6f}")


def pcdarts(epochs: int = 3) -> Iterator[str]:
    """A search of PC-DARTS: no matrices, and a validation only at the end."""
    say = Clock()
    yield say("args = Namespace(batch_size=256, epochs=3, learning_rate=0.1, save='search-x', seed=3, set='cifar100')")
    for epoch in range(epochs):
        yield say(f"epoch {epoch} lr {0.1:e}")
        yield say(f"genotype = {CELL}")
        yield say("train 000 2.412312e+00 7.812500 48.437500")
        yield say(f"train_acc {30 + epoch:.6f}", 60)
        if epoch == epochs - 1:
            yield say("valid_acc 61.250000")


def drnas(epochs: Sequence[int] = (3, 2)) -> Iterator[str]:
    """A search of DrNAS in the DARTS space, in two stages."""
    say = Clock()
    yield say(
        "args = Namespace(arch_learning_rate=0.0006, batch_size=64, data='x', dataset='cifar10', k=6, "
        "layers=20, save='../experiments/x', seed=4, unrolled=False)"
    )
    done = 0

    def state(pruned: int) -> Iterator[str]:
        yield say(f"genotype = {CELL}")
        for place, kind in enumerate(("normal", "reduce")):
            yield say(f"alphas {kind} :\n{tensor(weights(14, 7, done + 50 * place, pruned))}")
        for place, kind in enumerate(("normal", "reduce")):
            rows = [[1 + value for value in row] for row in weights(14, 7, done + 50 * place)]
            yield say(f"concentration {kind}:\n{tensor(rows)}")

    for stage, count in enumerate(epochs):
        for _ in range(count):
            yield say(f"epoch {done} lr {0.1 - done / 100:e}")
            yield from state(3 * stage)
            yield say("train 000 2.412312e+00 7.812500 48.437500")
            yield say(f"train_acc {30 + done:.6f}", 30)
            yield say("valid 000 1.200000e+00 50.000000 90.000000")
            yield say(f"valid_acc {50 + done:.6f}")
            done += 1
        if stage + 1 < len(epochs):
            yield say("pruning finish, 4 ops left per edge")
            yield say("network wider finish, current pc parameter 4")
    yield from state(3 * (len(epochs) - 1))


def drnas_201(epochs: int = 3) -> Iterator[str]:
    """A search of DrNAS on NAS-Bench-201."""
    say = Clock()
    yield say("args = Namespace(dataset='imagenet16-120', epochs=3, method='dirichlet', seed=1, save='x')")
    for epoch in range(epochs):
        yield say(f"epoch {epoch} lr 2.500000e-02")
        yield say(f"genotype = Structure(4 nodes with {STRING})")
        yield say(f"arch-parameters :\n{tensor(weights(6, 5, epoch))}")
        yield say(f"concentration :\n{tensor([[0.9 + value for value in row] for row in weights(6, 5, epoch)])}")
        yield say(f"train_acc {20 + epoch:.6f}", 60)
        yield say(f"valid_acc {25 + epoch:.6f}")
        yield say(f"\n{STRING}, arch-index=12345, 3 archs\ncifar10        : train : [...], test : [...]")
        yield say("cifar10 train 99.990000 test 94.360000")
        yield say("cifar100 train 99.990000 valid 73.100000 test 73.510000")
        yield say("imagenet16 train 60.000000 valid 46.300000 test 46.340000")


def pdarts(epochs: int = 2) -> Iterator[str]:
    """A search of P-DARTS: three stages, the operations left after each, and a cell for each limit of skips."""
    say = Clock()
    yield say("args = Namespace(add_layers=['6', '12'], batch_size=96, cifar100=False, epochs=2, note='x', seed=2)")
    for stage, left in enumerate((5, 3, 1)):
        for epoch in range(epochs):
            yield say(f"Epoch: {epoch} lr: 2.500000e-02")
            yield say("TRAIN Step: 000 Objs: 2.412312e+00 R1: 7.812500 R5: 48.437500")
            yield say(f"Train_acc {30 + 10 * stage + epoch:.6f}")
            yield say("Epoch time: 321s")
            if epoch == epochs - 1:
                yield say("valid 000 1.200000e+00 50.000000 90.000000")
                yield say(f"Valid_acc {60 + stage:.6f}")
        yield f"------Dropping {8 - left} paths------"
        for kind in ("normal", "reduce"):
            switches = [[column >= 8 - left for column in range(8)] for _ in range(14)]
            yield say(f"switches_{kind} = {switches}")
            for _ in range(14):
                yield say("['sep_conv_3x3', 'dil_conv_5x5']")
    yield say(OTHER_CELL)
    yield say("Restricting skipconnect...")
    for skips in (3, 2, 1):
        yield say(f"Number of skip-connect: {skips}")
        yield say(CELL if skips == 2 else OTHER_CELL)
    yield say("Total searching time: 30000s")


def ista(epochs: int = 3) -> Iterator[str]:
    """The output of a two-stage search of ISTA-NAS."""
    say = Clock()
    numbered = CELL.replace("', 1)", "', np.int64(1))")

    def selected(epoch: int) -> Iterator[str]:
        yield f"[Epoch {epoch or 'initial'}]"
        yield "normal cell:"
        yield "Step 1: node0 op3, node1 op4"
        yield "reduction cell:"
        yield numbered if epoch else OTHER_CELL

    yield "Param size = 1.2MB"
    yield from selected(0)
    for epoch in range(1, epochs + 1):
        yield "Doing Search ..."
        yield f"epoch:  {epoch} lr: [{0.025 / epoch}]"
        yield "Train[000] Loss: 2.3456 Top1: 10.0000 Top5: 50.0000"
        yield say(f"train_acc {30 + epoch:.4f}", 60)
        yield " Valid[000] Loss: 2.1000 Top1: 12.0000 Top5: 52.0000"
        yield say(f"valid_acc {35 + epoch:.4f}")
        yield "Doing Recovery ..."
        yield from selected(epoch)


def ista_onestage(epochs: int = 2) -> Iterator[str]:
    """The output of a one-stage search: the cell of the second epoch is rejected, then the first is trained."""
    say = Clock()

    def selected(epoch: int) -> Iterator[str]:
        yield f"\n[Epoch {epoch or 'initial'}]"
        yield "x_normals distance:"
        yield f"Step 1: L2 dist is {0.5 / (1 + epoch)}. active"
        yield OTHER_CELL if epoch == 2 else CELL

    yield from selected(0)
    for epoch in range(1, epochs + 1):
        yield f"epoch:  {epoch} lr: [0.025]"
        yield say(f"train_acc {30 + epoch:.4f}", 60)
        yield say(f"valid_acc {35 + epoch:.4f}")
        yield from selected(epoch)
        if epoch == 2:
            yield "-------------> rejected !!!"
    yield "\n --- Architecture Fixed, Retrain for 2 Epochs --- \n"
    for epoch in range(1, epochs + 1):
        yield f"epoch:  {epoch} lr: [0.025]"
        yield say(f"train_acc {60 + epoch:.4f}", 60)
        yield say(f"valid_acc {65 + epoch:.4f}")


_TENAS_DARTS = [
    *("none", "skip_connect", "sep_conv_3x3", "sep_conv_5x5"),
    *("dil_conv_3x3", "dil_conv_5x5", "avg_pool_3x3", "max_pool_3x3"),
]


def tenas() -> Iterator[str]:
    """A search of TE-NAS in the DARTS space: two rounds of pruning, and the pruning of edges."""
    yield "Main Function with logger : Logger(dir=x, writer=y)"
    yield "Arguments : -------------------------------"
    yield "dataset          : cifar10"
    yield "rand_seed        : 7"
    yield "repeat           : 3"
    yield f"search-space [8 ops] : {_TENAS_DARTS}"

    def masks(rows: list[list[int]]) -> Iterator[str]:
        yield "operators remaining (1s) and prunned (0s)"
        yield tensor(rows, ", dtype=torch.int32", "{}")
        yield tensor(rows, ", dtype=torch.int32", "{}")

    last = [[int(column == 2) for column in range(8)] for _ in range(14)]
    yield from masks([[int(column > 1) for column in range(8)] for _ in range(14)])
    yield from masks(last)
    yield f"<<<--->>> End: {CELL}"
    yield from masks([row if edge % 3 else [0] * 8 for edge, row in enumerate(last)])
    yield ""
    yield "-" * 100
    yield "Time spent: 300 s"


def tenas_201() -> Iterator[str]:
    """A search of TE-NAS on NAS-Bench-201: the end repeats the last round."""
    yield "dataset          : cifar100"
    yield "search-space [5 ops] : ['none', 'skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3']"
    last = [[int(column == 3) for column in range(5)] for _ in range(6)]
    for rows in ([[0, 1, 1, 1, 1]] * 6, [[0, 0, 1, 1, 0]] * 6, last):
        yield "operators remaining (1s) and prunned (0s)"
        yield tensor(rows, ", dtype=torch.int32", "{}")
    yield f"<<<--->>> End: Structure(4 nodes with {STRING})"
    yield "operators remaining (1s) and prunned (0s)"
    yield tensor(last, ", dtype=torch.int32", "{}")


def prdarts(epochs: int = 2) -> Iterator[str]:
    """A search of PR-DARTS: two stages with their pools, and the cell in its own notation."""
    say = Clock("%d.%m.%y %H:%M:%S   ")
    conv = "('conv', {'k': 3, 'c_mul': [1], 'dil': 1})"
    pools = [
        f"[('skip', {{}}), ('pool', {{'k': 3, 'type_': 'max'}}), {conv}]",
        f"[('skip', {{}}), {conv}]",
        f"[{conv}]",
    ]
    yield say(
        "args = Namespace(cifar100=False, epochs=[2, 2], primitives='prdarts4', save='/tmp/x', seed=0, test=False)"
    )
    for stage in range(3):
        for kind in ("normal", "reduce"):
            for edge in range(14):
                yield say(f"{kind}, {edge}: {pools[stage]}")
        if stage == 2:
            break
        yield say("Network: 5 layers, 3/(3, 3) ops remaining")
        for epoch in range(epochs):
            yield say(f"Epoch: {epoch} lr: 2.500000e-02")
            yield say("TRAIN Step: 000 Objs: 2.412312e+00 R1: 7.812500 R5: 48.437500")
            yield say("Set new batch size from 32 to 64, cur usage is 0.40 (step 4)")
            yield say(f"Train_acc {30 + 10 * stage + epoch:.6f}", 60)
            yield say("Epoch time: 3600s")
            yield say(f"Valid_acc {60 + stage:.6f}")
        yield say("switches_normal = \n[[ True False]\n [False  True]]")
    gene = "('conv', {'k': 3, 'c_mul': [1], 'dil': 1}, 0)"
    genes = ", ".join([gene, gene.replace(" 0)", " 1)")] * 4)
    yield say(f"Genotype(normal=[{genes}], normal_concat=[2, 3, 4, 5], reduce=[{genes}], reduce_concat=[2, 3, 4, 5])")
    yield say("Total searching time: 30000s.")


def nasbench201(epochs: int = 3) -> Iterator[str]:
    """A search of AutoDL-Projects."""
    yield "Main Function with logger : Logger(dir=output, use-tf=False, writer=None)"
    yield "Arguments : -------------------------------"
    yield "algo             : gdas"
    yield "dataset          : ImageNet16-120"
    yield "rand_seed        : 777"
    yield "save_dir         : ./output/search"
    for epoch in range(epochs):
        name = f"{epoch:03d}-{epochs:03d}"
        yield f"\n[Search the {name}-th epoch] Time Left: [00:00:00], LR=0.025"
        yield "*SEARCH* [2020-01-01 00:00:00] [000-003][000/100] Time 1.00 (1.00) Base [Loss 2.300 (2.300) Prec@1 9.00]"
        yield (
            f"[{name}] search [base] : loss={2 - epoch / 10:.2f}, accuracy@1={30 + epoch:.2f}%, accuracy@5=80.00%, "
            f"time-cost={100 * (epoch + 1):.1f} s"
        )
        yield f"[{name}] search [arch] : loss=2.10, accuracy@1=28.00%, accuracy@5=78.00%"
        yield f"[{name}] evaluate : loss=2.05, accuracy@1={35 + epoch:.2f}%, accuracy@5=81.00% | Structure({STRING})"
        yield f"<<<--->>> The {name}-th epoch : Structure(4 nodes with {STRING})"
        yield f"arch-parameters :\n{tensor(weights(6, 5, epoch))}"
    yield f"[gdas] run {epochs} epochs, cost 300.0 s, last-geno is Structure(4 nodes with {STRING})."


def training(epochs: int = 3) -> Iterator[str]:
    """A retraining of DrNAS: its arguments name the cell, and the log prints it."""
    say = Clock()
    yield say(
        "args = Namespace(arch='DrNAS_cifar10', auxiliary=True, batch_size=64, dataset='cifar10', epochs=3, layers=20, "
        "init_channels=36, save='x', seed=0)"
    )
    yield say(CELL)
    for epoch in range(epochs):
        yield say(f"epoch {epoch} lr 2.500000e-02")
        yield say("train 000 2.412312e+00 7.812500 48.437500")
        yield say(f"train_acc {80 + epoch:.6f}", 60)
        yield say(f"valid_acc {90 + epoch:.6f}, best_acc {90 + epoch:.6f}")


SEARCHES = {
    "darts": darts,
    "pcdarts": pcdarts,
    "pdarts": pdarts,
    "drnas": drnas,
    "tenas": tenas,
    "ista": ista,
    "prdarts": prdarts,
    "nasbench201": nasbench201,
}
