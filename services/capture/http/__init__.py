"""Capture's HTTP interface: who may send, how a request is read, what is answered."""
