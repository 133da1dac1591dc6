"""What decides a render: its pieces, and which picture is in which frame. Pure."""
