"""Databases with a long past, written by SQL, and every path of the services whose cost must not follow it."""
