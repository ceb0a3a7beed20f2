"""Tests of the SLA rules, one file per question."""
