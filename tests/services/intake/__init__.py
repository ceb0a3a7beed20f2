"""Tests of intake through HTTP and the bus."""
