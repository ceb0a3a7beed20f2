"""Personal data: what is held of a requester, handing it out, erasing it, and not keeping it longer than decided."""
