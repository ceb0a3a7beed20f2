"""The ticket's durable workflow, and the worker that runs it."""

import gc

gc.set_threshold(20_000, 20, 50)
"""As in the services: most of a start is imports, which leave no garbage."""
