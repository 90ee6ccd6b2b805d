"""Work too long for one request: kept on disk, done in the background, there after a restart."""
