"""What ``parley doctor`` looks at, a subject a module; each look gives findings and changes nothing."""
