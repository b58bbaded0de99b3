"""Messages to people: one notice becomes a message to each who is to hear it, sent by the channel that they prefer, and followed."""
