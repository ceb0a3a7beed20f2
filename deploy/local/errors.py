"""The one kind of failure a person at the console should read: what is wrong and what to do about it."""


class LocalStackError(Exception):
    """A paragraph for the operator; shown without a traceback."""
