"""The methods that a comparison asks for, or a sentence that says why one of them cannot take part."""

from collections.abc import Iterable, Sequence

from cqb_bench.catalogue import methods
from cqb_bench.method import Method, Task
from cqb_core import InputError, Labels

ALL = "all"


def chosen(task: Task, rest: Labels, names: Sequence[str]) -> tuple[Method, ...]:
    """Methods by name, in any case; CQB-Net's own module of the task comes first, asked for or not.

    Args:
        task: what is compared.
        rest: what the images without full labels own.
        names: of methods; `all` for every one that fits.

    Raises:
        InputError: naming a word that is no method, or a method of another task or of other labels, and listing those
            that there are.
    """
    fitting = tuple(method for method in methods() if method.task == task and method.rest == rest)
    for name in names:
        if name.strip().lower() != ALL:
            _require_fitting(name.strip().lower(), task, rest, fitting)
    if not fitting:
        raise InputError("--rest", "labels", _labels(m for m in methods() if m.task == task), rest.short)
    wanted = {name.strip().lower() for name in names}
    taken = [method for method in fitting if method.ours or ALL in wanted or method.name in wanted]
    return tuple(sorted(taken, key=lambda method: not method.ours))


def _require_fitting(name: str, task: Task, rest: Labels, fitting: Sequence[Method]) -> None:
    from cqb_core.training.config import meant  # which imports torch

    known = {method.name: method for method in methods()}
    listed = ", ".join(method.name for method in fitting) or "none"
    if name not in known:
        got = repr(name) + meant(name, known)
        raise InputError("--methods", "method", f"one for {task} that learns from {rest.short} ({listed})", got)
    if known[name].task != task:
        got = f"{name}, one for {known[name].task}"
        raise InputError("--methods", "task", f"a method for {task} ({listed})", got)
    if known[name].rest != rest:
        got = f"{name}, which learns from {known[name].rest.short}"
        raise InputError("--methods", "labels", f"a method that learns from {rest.short} ({listed})", got)


def _labels(of: Iterable[Method]) -> str:
    """The label sets that some methods learn from, with their names."""
    by_rest: dict[str, list[str]] = {}
    for method in of:
        by_rest.setdefault(method.rest.short, []).append(method.name)
    return "labels that some method learns from: " + "; ".join(f"{k} ({', '.join(v)})" for k, v in by_rest.items())
