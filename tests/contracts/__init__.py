"""Tests of the words themselves: events, their samples and their document."""
