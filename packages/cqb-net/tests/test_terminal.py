from cqb_net.terminal import WIDTH, console


def test_a_pipe_gets_wide_tables_and_no_codes(capsys):
    made = console()
    assert made.width == WIDTH
    made.print("[bold]x[/bold] 3", "y" * (WIDTH - 4))
    assert capsys.readouterr().out == "x 3 " + "y" * (WIDTH - 4) + "\n"
