"""What agents write and who reads along: messages, files, drafts, people in copy, side conversations."""
