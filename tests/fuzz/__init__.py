"""Hostile input in quantity: made from the API's own description, and collected from those who break things."""
