"""Names of label sets: `P`, `I`, `B`, `S`, `M`, sums such as `B+S`, `none`, and any name of the user's own.

A kind is anything with a price. Five short names have a meaning that the planner uses in one place only
(`trains`): P everything, I image tags, B boxes, M masks, S the map of the stuff regions (the paper's S_st).
"""

import unicodedata

from cqb_pareto.errors import InputError

NONE = "none"
ORDER = ("P", "I", "B", "M", "S")
DIRECT = {"things": {"P", "B", "M"}, "stuff": {"P", "S"}, "all": {"P", "B", "M", "S"}}


def parse_kind(text: str, where: str, field: str) -> str:
    """The canonical name: parts of a sum in the order P, I, B, M, S, then the rest by name.

    Raises:
        InputError: when the name or a part of the sum is empty, holds a control character or half a character (a
            surrogate), or a part comes twice.
    """
    parts = [part.strip() for part in text.split("+")]
    unsound = any(unicodedata.category(character) in ("Cc", "Cs") for character in text.strip())
    if unsound or not all(parts) or len(set(parts)) < len(parts):
        raise InputError(where, field, "a label set such as P, I, B+S or none", repr(text))
    if len(parts) == 1:
        return NONE if parts[0].lower() == NONE else parts[0]
    return "+".join(sorted(parts, key=lambda part: (ORDER.index(part) if part in ORDER else len(ORDER), part)))


def check_kinds(kinds: tuple[str, ...], full: str) -> tuple[str, ...]:
    """The same label sets.

    Raises:
        InputError: when the full one is not the first, or one stands twice.
    """
    if not kinds or kinds[0] != full:
        raise InputError("kinds", "order", f"the full label set {full} first", ", ".join(kinds) or "none")
    if len(set(kinds)) < len(kinds):
        raise InputError("kinds", "names", "each label set once", ", ".join(kinds))
    return kinds


def trains(kind: str, branch: str) -> bool:
    """Whether plain training, without a weakly supervised module, learns this branch from these labels.

    Tags train neither branch, boxes and masks train things, stuff maps train stuff; a name that is not ours is taken
    to train everything. So a run on P + I without a module *is* a run on P alone, and tells the response of P.
    """
    parts = set(kind.split("+")) - {NONE}
    return bool(parts & DIRECT[branch]) or bool(parts - set(ORDER))
