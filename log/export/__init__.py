"""Turns events into files for analysts: which columns, which events, which format. Nothing here opens a socket."""
