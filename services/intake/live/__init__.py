"""Live updates: what requesters may learn is written down, and the pages and programs that wait for it are woken."""

from services.intake.live.happenings import announce, record
from services.intake.live.hub import Hub
from services.intake.live.streams import Caller, HappeningView, Live, Streaming

__all__ = ["Caller", "HappeningView", "Hub", "Live", "Streaming", "announce", "record"]
