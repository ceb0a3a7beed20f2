"""What `make bench` measures: ratios within one run, against budgets that fail the command."""
