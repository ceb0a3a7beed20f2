"""Tests of business time: one folder, so that the oracle is shared by all of them."""
