"""Reports, wall boards, saved reports and reports by mail."""
