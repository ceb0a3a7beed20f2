"""Live updates: what requesters may learn is written down, and the pages and programs that wait for it are woken."""

from services.intake.live.notify_listener import NotifyListener
from services.intake.live.streams import HappeningView, Live, Streaming, StreamReader
from services.intake.live.timeline import announce, record

__all__ = ["HappeningView", "Live", "NotifyListener", "StreamReader", "Streaming", "announce", "record"]
