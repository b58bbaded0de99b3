"""Users: people and what they may do, the devices they are logged in on, one-time codes, API keys and invitations."""
