"""Hostile text through every text field of each channel."""
