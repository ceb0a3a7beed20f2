"""`python -m deploy.cli`, installed as `.venv/bin/everdesk`."""

import logging
import sys

import structlog

from deploy.cli.app import build_app, groups_for


def main() -> None:
    """Answers go to standard output alone, so the libraries' own log lines are kept out of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    build_app(groups_for(sys.argv[1:]))(prog_name="everdesk")


if __name__ == "__main__":
    main()
