"""Seeds the storefront database: POST /load for a full load, POST /delta for one more order. Documentation at /docs."""
import os
import random

import asyncpg
from fastapi import FastAPI

app = FastAPI(title="storefront seeder")


async def connect() -> asyncpg.Connection:
    return await asyncpg.connect(os.environ["DATABASE_URL"], timeout=5)


async def order(link: asyncpg.Connection) -> None:
    customer = await link.fetchval("SELECT id FROM customers ORDER BY random() LIMIT 1")
    await link.execute("INSERT INTO orders (customer_id, total) VALUES ($1, $2)", customer, round(random.uniform(5, 500), 2))


@app.get("/health")
async def health() -> dict[str, int]:
    link = await connect()
    try:
        return {"orders": await link.fetchval("SELECT count(*) FROM orders")}
    finally:
        await link.close()


@app.post("/load")
async def load(customers: int = 10, orders: int = 100) -> dict[str, int]:
    link = await connect()
    try:
        async with link.transaction():
            await link.executemany("INSERT INTO customers (name) VALUES ($1)", [(f"customer {n}",) for n in range(customers)])
            for _ in range(orders):
                await order(link)
    finally:
        await link.close()
    return {"customers": customers, "orders": orders}


@app.post("/delta")
async def delta() -> dict[str, int]:
    link = await connect()
    try:
        await order(link)
    finally:
        await link.close()
    return {"orders": 1}
