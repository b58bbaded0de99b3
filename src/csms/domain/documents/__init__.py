"""Documents: files and images that people upload, what they are about, and whether they still hold."""
