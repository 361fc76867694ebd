"""Commands called as a shell would, within a test's own process.

run = calling("cqb-net", main, monkeypatch, capsys)
status, said, errors = run("data", "check", root)
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

Call = Callable[..., tuple[int, str, str]]
"""From a command's words to exit status, standard output and standard error."""


def calling(
    program: str, main: Callable[[], None], monkeypatch: "pytest.MonkeyPatch", capsys: "pytest.CaptureFixture[str]"
) -> Call:
    """A function that calls `main` with words as the program's arguments."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [program, *map(str, words)])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        said, errors = capsys.readouterr()
        return status, said, errors

    return call


def refusing(run: Call) -> Callable[..., str]:
    """A function that gives the one sentence of a call that must fail.

    Raises:
        AssertionError: with all of standard error, when the call succeeds, ends in a traceback, or says anything but
            one sentence.
    """

    def call(*words: object) -> str:
        status, _, errors = run(*words)
        sentences = [line for line in errors.splitlines() if line.startswith("error: ")]
        if status != 1 or "Traceback" in errors or len(sentences) != 1:
            raise AssertionError(f"wanted status 1 and one sentence, got {status} and {errors}")
        return sentences[0].removeprefix("error: ")

    return call
