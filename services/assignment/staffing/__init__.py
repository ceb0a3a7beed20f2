"""Staffing simulation: the production rules of routing and SLA, run over arrivals in compressed time."""
