"""What the connection that orders go over promises: `venues.transport.http1`."""
