import subprocess
import sys
import warnings

import pytest

from cqb_core.quiet import hushed


def test_prints_and_warnings_are_dropped(capsys, recwarn):
    with hushed():
        print("noise")
        warnings.warn("noise", stacklevel=1)
    print("news")
    assert capsys.readouterr() == ("news\n", "")
    assert not recwarn.list


def test_errors_are_not():
    with pytest.raises(ImportError), hushed():
        raise ImportError


def test_the_registry_is_imported_without_a_word():
    done = subprocess.run(
        [sys.executable, "-c", "import cqb_core.registry"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
