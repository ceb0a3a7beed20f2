"""Text that others wrote: what of it is digestible at any door, and what it looks like as safe HTML."""
