"""Names of label sets: `P`, `I`, `B`, `S`, `M`, sums such as `B+S`, `none`, and any name of the user's own.

A kind is anything with a price. Five short names have a meaning that the planner uses in one place only
(`trains`): P everything, I image tags, B boxes, M masks, S the map of the stuff regions (the paper's S_st).
"""

from cqb_pareto.errors import InputError

NONE = "none"
ORDER = ("P", "I", "B", "M", "S")
DIRECT = {"things": {"P", "B", "M"}, "stuff": {"P", "S"}, "all": {"P", "B", "M", "S"}}


def parse_kind(text: str, where: str, field: str) -> str:
    """The canonical name: parts of a sum in the order P, I, B, M, S, then the rest by name.

    Raises:
        InputError: when the name or a part of the sum is empty, or a part comes twice.
    """
    parts = [part.strip() for part in text.split("+")]
    if not all(parts) or len(set(parts)) < len(parts):
        raise InputError(where, field, "a label set such as P, I, B+S or none", repr(text))
    if len(parts) == 1:
        return NONE if parts[0].lower() == NONE else parts[0]
    return "+".join(sorted(parts, key=lambda part: (ORDER.index(part) if part in ORDER else len(ORDER), part)))


def trains(kind: str, branch: str) -> bool:
    """Whether plain training, without a weakly supervised module, learns this branch from these labels.

    Tags train neither branch, boxes and masks train things, stuff maps train stuff; a name that is not ours is taken
    to train everything. So a run on P + I without a module *is* a run on P alone, and tells the response of P.
    """
    parts = set(kind.split("+")) - {NONE}
    return bool(parts & DIRECT[branch]) or bool(parts - set(ORDER))
