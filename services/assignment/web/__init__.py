"""The desk: server-rendered pages for agents."""

from fastapi import FastAPI

from services.assignment.settings import AssignmentSettings


def install_web(app: FastAPI, settings: AssignmentSettings) -> None:
    """Adds the desk's pages to the service."""
