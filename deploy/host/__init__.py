"""Code about the host that compose and the local mode share. Standard library only, for Python 3.9 without a venv."""
