"""Complete scripts, `python -m cqb_weak.examples.<name>`; what each needs beside torch stands in its first lines."""
