"""Routing rules at work: the compiled table, counts of matches, previews, simulations, import and export."""
