"""What options must be, checked where an object is made."""

from collections.abc import Mapping


def choice(name: str, value: str, options: Mapping[str, object] | tuple[str, ...]) -> None:
    """ValueError that lists the options when `value` is none of them."""
    if value not in options:
        raise ValueError(f"{name}: wanted one of {', '.join(options)}, got {value!r}")


def within(name: str, value: float, low: float, high: float) -> None:
    """ValueError unless low <= value <= high (a NaN is not)."""
    if not low <= value <= high:
        raise ValueError(f"{name}: wanted a number from {low} to {high}, got {value}")
