"""What decides a render: where its pieces begin, what is in each, which picture is in which frame. Pure."""
