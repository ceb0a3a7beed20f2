"""Live updates: what requesters may learn is written down, and the pages and programs that wait for it are woken."""

from services.intake.live.event_streams import EventStreams, Streaming, StreamReader, TimelineEntryView
from services.intake.live.notify_listener import NotifyListener
from services.intake.live.timeline import notify_readers

__all__ = ["EventStreams", "NotifyListener", "StreamReader", "Streaming", "TimelineEntryView", "notify_readers"]
