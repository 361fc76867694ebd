"""One folder a method, found by being here: `__init__.py` defines `METHOD`, `README.md` says what it is."""
