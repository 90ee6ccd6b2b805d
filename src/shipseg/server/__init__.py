"""The HTTP API and its page: `shipseg serve`. Needs the extra `serve`."""
