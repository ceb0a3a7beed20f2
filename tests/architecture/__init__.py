"""The laws of the layout, each with a test that shows it can be broken."""
