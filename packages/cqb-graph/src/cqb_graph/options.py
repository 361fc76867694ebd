"""What options must be, checked where an object is made."""


def positive(**numbers: int) -> None:
    """ValueError that names the first number below 1."""
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name}: wanted a positive integer, got {number}")
