"""A fault that a loader's worker process met, as the error that it was."""

import re

from cqb_core.errors import InputError

_RAISED = re.compile(
    r"^cqb_core\.errors\.InputError: (?P<where>.*?): (?P<field>.*?): wanted (?P<wanted>.*), got (?P<got>.*)$",
    re.MULTILINE,
)


def input_error_in(error: RuntimeError) -> InputError | None:
    """The `InputError` that torch's loader brought back from a worker as the text of a `RuntimeError`.

    torch rebuilds a worker's exception from its message alone, which fails for one of several arguments.
    """
    found = _RAISED.search(str(error))
    return None if found is None else InputError(found["where"], found["field"], found["wanted"], found["got"])
