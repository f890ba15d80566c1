"""Why the product does not start, as a sentence."""


class CannotStart(Exception):
    """Something about this machine or its settings is in the way; the text says what, and what helps."""
