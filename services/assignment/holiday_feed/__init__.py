"""Reads holidays from an iCalendar feed.

The file is parsed in a subprocess (`sandbox`), because a hostile file decides what parsing costs.
"""

from services.assignment.holiday_feed.findings import FeedFindings, FeedRequest, Ignored, UnreadableFeed
from services.assignment.holiday_feed.sandbox import FeedReader

__all__ = ["FeedFindings", "FeedReader", "FeedRequest", "Ignored", "UnreadableFeed"]
