"""What cannot be read."""


class BadInputError(Exception):
    """A file is not there or not of its kind; the text is one line that names it."""
