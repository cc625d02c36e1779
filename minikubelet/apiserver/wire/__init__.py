"""What exec, attach and port-forward look like on the wire: bytes in, events out. Pure."""
