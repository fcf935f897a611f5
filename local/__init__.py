"""What `make run` starts: embedded servers, supervision, ports."""
