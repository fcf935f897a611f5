"""Reading the topics back: describe an event, find a lead, lag, export."""
