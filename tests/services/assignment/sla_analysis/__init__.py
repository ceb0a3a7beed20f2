"""Verdicts explained and judged again, what-ifs, roll-outs of policies."""
