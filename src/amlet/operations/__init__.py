"""What the product can do, a verb a file. Knows the ports; no HTTP and no SQL.

Most operations take a `Transaction` and the time, and either do all of their work or raise and leave nothing.
"""
