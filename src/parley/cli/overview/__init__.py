"""What ``parley status`` shows: the state of a deployment, looked at from outside and changed in nothing."""
