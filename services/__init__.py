"""The services: each owns one truth and its own database."""

import gc

gc.set_threshold(20_000, 20, 50)
"""Before the rest is imported: what imports make is never garbage, and looking for some there is a tenth of a start."""
