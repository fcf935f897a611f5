"""What nurture decides. Pure: no clock, no chance, no sockets."""
