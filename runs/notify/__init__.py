"""Messages about runs: by webhook, command, Apprise, and on the desktop through the terminal.

The engine's side sends them, so that nobody need watch. An engine that starts leaves an entry in the outbox of its home
(:mod:`runs.notify.outbox`), and what it can no longer tell, whichever process of ours comes by tells in its place.
"""
