"""The five comparisons of Table 2: at a share of panoptic labels, what does a module make of the labels of the rest?

Each row of the table compares three trainings. *baseline*: the rest owns one weak kind of labels, and no module is on.
*module*: the same labels, and the row's module is on. *upper*: the rest owns finer labels, and no module is on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from cqb_core import InputError, Labels

Variant = Literal["baseline", "module", "upper"]
Branch = Literal["all", "things", "stuff"]
VARIANTS: tuple[Variant, ...] = ("baseline", "module", "upper")
SHARES = (0.1, 0.3, 0.5)
"""The panoptic shares of Table 2."""


@dataclass(frozen=True)
class TableRow:
    """One comparison.

    Args:
        name: what `--rows` and the column `module` call it.
        rest: labels of the images that are not fully labelled.
        upper: their labels in the upper variant.
        module: type of the auxiliary that is on in the module variant.
        branch: whose quality is compared.
    """

    name: str
    rest: Labels
    upper: Labels
    module: str
    branch: Branch


ROWS = (
    TableRow("Cls2Box", Labels.IMAGE, Labels.BOX, "Cls2Box", "things"),
    TableRow("Box2Mask", Labels.BOX, Labels.MASK, "Box2Mask", "things"),
    TableRow("Relation st->th", Labels.STUFF, Labels.BOX | Labels.STUFF, "Relation", "things"),
    TableRow("Cls2Pixel", Labels.IMAGE, Labels.STUFF, "Cls2Pixel", "stuff"),
    TableRow("Relation th->st", Labels.BOX, Labels.BOX | Labels.STUFF, "Relation", "stuff"),
)


@runtime_checkable
class Request(Protocol):
    """A row that some table is to have, and the training that it takes; equal ones are one, so they hash."""

    @property
    def seed(self) -> int:
        """Of the assignment, the weights and the order of images."""

    @property
    def allocation(self) -> Mapping[Labels, float]:
        """Share of the images per label set."""

    @property
    def title(self) -> str:
        """The row in a few words."""

    @property
    def purpose(self) -> str:
        """The row in a few words, without what its training tells anyway."""


@dataclass(frozen=True)
class Entry:
    """One row of the table of pilots that is wanted.

    Args:
        rest: labels of the images that are not fully labelled.
        share: of the fully labelled images, above 0 and at most 1.
        variant: see above.
        module: what the table calls the comparison; empty when it belongs to none of Table 2.
        modules: types of the auxiliaries that are on.
        seed: of the assignment, the weights and the order of images.
        branch: whose qualities the table shows. The others are left blank: the training measures them too, but with the
            module of that branch off they do not tell what the labels are worth.
    """

    rest: Labels
    share: float
    variant: Variant
    module: str
    modules: tuple[str, ...]
    seed: int
    branch: Branch

    @property
    def allocation(self) -> dict[Labels, float]:
        """Share of the images per label set."""
        if self.share >= 1 or self.rest == Labels.PANOPTIC:
            return {Labels.PANOPTIC: 1.0}
        return {Labels.PANOPTIC: self.share, self.rest: 1 - self.share}

    @property
    def title(self) -> str:
        """The entry in a few words."""
        name = f"{self.module} {self.variant}" if self.module else self.variant
        return f"{name}, {self.share:g} P + {self.rest.short}, seed {self.seed}"

    @property
    def purpose(self) -> str:
        """The comparison and the variant."""
        return f"{self.module or 'design'} {self.variant}"


def table2(rows: Sequence[TableRow], shares: Sequence[float], seeds: int) -> list[Entry]:
    """The entries of some rows of Table 2, every baseline before the others of its seed and share.

    Args:
        rows: some of `ROWS`.
        shares: of panoptic labels.
        seeds: how many; they are 0, 1, ...
    """
    return [
        _entry(row, variant, share, seed)
        for seed in range(seeds)
        for share in shares
        for variant in VARIANTS
        for row in rows
    ]


def named_rows(names: Sequence[str]) -> tuple[TableRow, ...]:
    """Rows of Table 2 by name, in any case, in the order of the table.

    Raises:
        InputError: naming the word that is none.
    """
    from cqb_core.training.config import meant  # which imports torch

    known = [row.name for row in ROWS]
    wanted = [name.strip().lower() for name in names]
    for name, word in zip(names, wanted, strict=True):
        if word not in map(str.lower, known):
            raise InputError(
                "--rows", repr(name), f"one of {', '.join(known)}", repr(name) + meant(word.title(), known)
            )
    return tuple(row for row in ROWS if row.name.lower() in wanted)


def modules_for(rest: Labels) -> tuple[str, ...]:
    """Types of the auxiliaries that learn from these labels, in the order of Table 2."""
    return tuple(dict.fromkeys(row.module for row in ROWS if rest != Labels.PANOPTIC and row.rest & rest))


def _entry(row: TableRow, variant: Variant, share: float, seed: int) -> Entry:
    rest = row.upper if variant == "upper" else row.rest
    return Entry(rest, share, variant, row.name, (row.module,) if variant == "module" else (), seed, row.branch)
