"""SQL of the users slice. Users, logins, challenges and throttles belong to the installation; the rest is tenants'."""
