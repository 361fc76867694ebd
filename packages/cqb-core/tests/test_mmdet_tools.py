import pytest

from cqb_core.errors import InputError
from cqb_core.mmdet_tools import find_tool, main


def test_tools_are_those_of_the_mmdet_wheel():
    assert find_tool("test").parts[-4:] == ("mmdet", ".mim", "tools", "test.py")
    assert find_tool("analysis_tools/analyze_logs").is_file()


def test_an_unknown_tool_is_named_with_those_that_there_are():
    with pytest.raises(InputError, match=r"tool: wanted one of .*test, .*train, got tset"):
        find_tool("tset")


def test_a_wrong_call_stops_with_one_line():
    with pytest.raises(SystemExit, match="usage: python -m cqb_core.mmdet_tools TOOL"):
        main([])
    with pytest.raises(SystemExit, match="error: .*tool: wanted one of"):
        main(["tset"])
