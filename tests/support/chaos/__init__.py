"""The parts of the chaos suite: a room with servers that can fail, customers, faults, an audit."""
