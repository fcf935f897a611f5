"""What travels on the topics: events, topics, policies and the JSON Schemas generated from them."""
