"""What compose and local mode share of a machine: standard library only, for hosts without a venv (Python 3.9)."""
