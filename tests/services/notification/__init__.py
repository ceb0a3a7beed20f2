"""Tests of notification on a real database, a real bus and a real mail server."""
