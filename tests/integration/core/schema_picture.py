"""Draws a database's schema as text that reads like a page, for docs/schema.sql.

`python -m tests.integration.core.schema_picture URL` prints it for a migrated database.
"""

import asyncio
import sys

import asyncpg

_COLUMNS = """
select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as needed,
       pg_get_expr(d.adbin, d.adrelid) as value, a.attidentity::text as identity
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
order by c.relname, a.attnum
"""
_CONSTRAINTS = """
select conrelid::regclass::text as table, pg_get_constraintdef(oid) as text
from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 0 and contype in ('p', 'u', 'f', 'c')
order by 1, contype desc, 2
"""
_INDEXES = """
select tablename as table, indexdef as text from pg_indexes i
where schemaname = 'public' and not exists (select 1 from pg_constraint where conname = i.indexname)
order by 1, indexname
"""


async def picture(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
    """The schema `public`, a block for each table."""
    blocks: dict[str, list[str]] = {}
    for row in await connection.fetch(_COLUMNS):
        blocks.setdefault(row["table"], []).append(_column(row))
    for row in await connection.fetch(_CONSTRAINTS):
        blocks[row["table"]].append(f"    {row['text']}")
    indexes: dict[str, list[str]] = {}
    for row in await connection.fetch(_INDEXES):
        indexes.setdefault(row["table"], []).append(
            row["text"].replace(" USING btree", "").replace("public.", "") + ";"
        )
    head = "-- What the migrations make, drawn by `make schema`; a test holds it to them.\n"
    return head + "".join(
        f"\ncreate table {name} (\n" + ",\n".join(lines) + "\n);\n" + "".join(f"{i}\n" for i in indexes.get(name, []))
        for name, lines in sorted(blocks.items())
    )


def _column(row: asyncpg.Record) -> str:
    text = f"    {row['column']} {row['type']}"
    if row["identity"]:
        text += " generated always as identity"
    elif row["value"] is not None:
        text += f" default {row['value']}"
    return text + (" not null" if row["needed"] else "")


async def _print(url: str) -> None:
    connection = await asyncpg.connect(url)
    sys.stdout.write(await picture(connection))
    await connection.close()


if __name__ == "__main__":
    asyncio.run(_print(sys.argv[1]))
