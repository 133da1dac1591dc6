"""Jobs on JetStream: streams, publishing, and the loop of a worker."""
