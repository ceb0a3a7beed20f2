"""Applying routing rules: the compiled table, match counts, previews, simulations, import and export."""
