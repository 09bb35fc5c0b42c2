"""The app in the pictures: a shop that sells, fails now and then, measures, and counts its till every night."""

from __future__ import annotations

import json
import math
import random
import time

import intermodal

app = intermodal.App("shop")
FRUITS = ("apple", "pear", "plum", "cherry", "quince")


@app.function(max_containers=3)
def sell(number: int) -> float:
    """Sell one fruit; nobody sells quinces by the hundred."""
    fruit = FRUITS[number % len(FRUITS)]
    time.sleep(random.uniform(0.005, 0.08))
    if number % 37 == 36:
        raise ValueError(f"there is no {fruit} left for order {number}")
    price = 2 + math.sin(number / 9) + random.random() / 3
    if number % 5 == 0:
        print(json.dumps({"level": "info", "event": "sold", "order": number, "fruit": fruit, "price": round(price, 2)}))
    elif number % 11 == 0:
        print(f"\033[33mWARNING: only {number % 4 + 1} {fruit} left\033[0m")
    else:
        print(f"order {number}: \033[32m{fruit}\033[0m for {price:.2f}")
    print(f"METRIC price={price:.3f}EUR")
    return price


@app.function(schedule=intermodal.Cron("0 3 * * *", timezone="Europe/Oslo"))
def count_till() -> None:
    """What the night is for."""
    print("the till is right")
    intermodal.Queue.from_name("receipts", create_if_missing=True).put_many(list(range(12)), partition="tuesday")


@app.function(schedule=intermodal.Period(hours=6))
def order_fruit() -> None:
    """More of it."""
    print("ordered")
