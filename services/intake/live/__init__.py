"""Live updates: timeline entries are stored, and open event streams are woken by PostgreSQL NOTIFY."""

from services.intake.live.event_streams import EventStreams, Streaming, StreamReader, TimelineEntryView
from services.intake.live.notify_listener import NotifyListener
from services.intake.live.timeline import notify_readers

__all__ = ["EventStreams", "NotifyListener", "StreamReader", "Streaming", "TimelineEntryView", "notify_readers"]
