"""Jobs: from the row to the queue, and from events back to the row."""
