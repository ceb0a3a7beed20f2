"""Questions about what is stored; nothing here changes anything."""
