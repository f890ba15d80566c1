"""Runs the product as containers, for ``make up`` and related commands. Needs Docker and Python 3.9."""
