"""One small client per service, over the public APIs; intake's is the one that client programs use."""

from deploy.demo.clients.assignment import AgentClient, AgentProfile
from deploy.demo.clients.http import ServiceResponse
from deploy.demo.clients.mail import MailSink
from deploy.demo.clients.notification import Ledger

__all__ = ["AgentClient", "AgentProfile", "Ledger", "MailSink", "ServiceResponse"]
