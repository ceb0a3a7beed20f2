"""From a stored mail to its ticket: the queue, the processing and the writing."""
