"""Background jobs requested by agents: bulk actions and CSV exports."""
