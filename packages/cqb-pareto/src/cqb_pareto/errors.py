"""What a user's file or argument got wrong, in one sentence that can be acted on."""

from os import PathLike


class InputError(ValueError):
    """A file, a field of it or an argument is not what it should be.

    The command line prints the message without a traceback; every other exception is a defect of ours.

    Args:
        where: the file, or the argument, that is wrong.
        field: the part of it, for example `row 3, column share`.
        wanted: what would have been right.
        got: what came.
        advice: what to do, where that does not follow from the rest; a clause without a full stop.
    """

    def __init__(self, where: str | PathLike[str], field: str, wanted: str, got: object, advice: str = "") -> None:
        self.where, self.field, self.wanted, self.got, self.advice = str(where), field, wanted, str(got), advice
        super().__init__(f"{self.where}: {field}: wanted {wanted}, got {got}{advice and f'; {advice}'}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str, str]]:
        return type(self), (self.where, self.field, self.wanted, self.got, self.advice)
