"""One small client per service, over the public APIs; intake's is the one that client programs use."""

from deploy.demo.clients.assignment import Agent, Desk
from deploy.demo.clients.http import Answer
from deploy.demo.clients.mail import MailSink
from deploy.demo.clients.notification import Ledger

__all__ = ["Agent", "Answer", "Desk", "Ledger", "MailSink"]
