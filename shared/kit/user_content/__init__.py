"""Text that users wrote: the limits it must keep, and its rendering as safe HTML."""
