"""The lean write service: the create routes and health, straight on the wire."""
