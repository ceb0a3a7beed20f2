"""Holidays out of an iCalendar file: what a feed says, as a calendar's dated holidays.

The file is read by a process of its own (`sandbox`), because whoever wrote it decides what reading it costs.
"""

from services.assignment.holiday_feed.findings import FeedFindings, FeedRequest, Ignored, UnreadableFeed
from services.assignment.holiday_feed.sandbox import FeedReader

__all__ = ["FeedFindings", "FeedReader", "FeedRequest", "Ignored", "UnreadableFeed"]
