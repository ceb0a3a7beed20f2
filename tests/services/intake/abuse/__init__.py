"""Tests of the limits against abuse."""
