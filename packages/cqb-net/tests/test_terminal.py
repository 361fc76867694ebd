from cqb_net.terminal import WIDTH, console


def test_a_pipe_gets_wide_tables_and_no_codes_and_names_are_no_markup(capsys):
    made = console()
    assert made.width == WIDTH
    made.print("[bold]x[/bold] 3", "y" * (WIDTH - 17))
    assert capsys.readouterr().out == "[bold]x[/bold] 3 " + "y" * (WIDTH - 17) + "\n"
