"""An empty installation, set up in a browser."""
