"""Files in version control and what a core has: read, compare, carry out, write (docs/apply.md).

`documents` reads files, `kinds` is the registry of what a document may be about, `plan` compares (pure), `carry_out`
makes it so, `export` writes what is there.
"""
