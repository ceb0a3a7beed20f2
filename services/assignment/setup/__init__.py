"""Setting up an empty installation: a one-time link, the first administrator, and the steps after."""
