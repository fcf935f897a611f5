"""Lists that the domain decides by; each file says where it comes from."""
