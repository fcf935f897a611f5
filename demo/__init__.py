"""A simulated month of leads: invented people, what they do, the reps who look after them, and a clock that travels."""
