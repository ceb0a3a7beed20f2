"""Reports beside SLA attainment: activity, arrivals, backlog and workload."""
