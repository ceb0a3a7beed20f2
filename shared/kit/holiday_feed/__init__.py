"""Holidays out of an iCalendar file: what a feed says, as a calendar's dated holidays.

The file is read by a process of its own (`sandbox`), because whoever wrote it decides what reading it costs.
"""

from shared.kit.holiday_feed.findings import Findings, Ignored, Question, UnreadableFeed
from shared.kit.holiday_feed.sandbox import FeedReader

__all__ = ["FeedReader", "Findings", "Ignored", "Question", "UnreadableFeed"]
