"""What agents write: replies, drafts, people in copy, third parties, mails of staff."""
