"""Keys of client programs and signed links."""
