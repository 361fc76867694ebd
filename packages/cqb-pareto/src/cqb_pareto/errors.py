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
    """

    def __init__(self, where: str | PathLike[str], field: str, wanted: str, got: object) -> None:
        self.where, self.field, self.wanted, self.got = str(where), field, wanted, str(got)
        super().__init__(f"{self.where}: {field}: wanted {wanted}, got {got}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        return type(self), (self.where, self.field, self.wanted, self.got)
