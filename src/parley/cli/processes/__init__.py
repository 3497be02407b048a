"""Running as processes: one role in one process, or a parent over several that share a port.

`single` runs the roles of one process, `shared` several processes of one role behind `parent`,
which starts them, replaces them and answers their probes; it never touches a request. What a
process inherits from its parent is an `inheritance.Inheritance`.
"""
