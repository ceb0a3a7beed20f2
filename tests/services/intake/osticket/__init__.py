"""The old help desk's API, as its clients use it."""
