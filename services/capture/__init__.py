"""Catches every enquiry, signal and outcome, by any channel, and says which lead it belongs to."""
