"""Checks the locked dependencies: the form of the locks, and known vulnerabilities."""
