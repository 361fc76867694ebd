"""One verb a file; each parses its arguments and calls one public function."""
