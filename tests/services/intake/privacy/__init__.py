"""Personal data: handed out, erased, kept no longer than decided."""
