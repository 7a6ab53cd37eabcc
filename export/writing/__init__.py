"""The bundle on disk: graphs identified and stamped, the manifest, the server's configuration, the card."""
