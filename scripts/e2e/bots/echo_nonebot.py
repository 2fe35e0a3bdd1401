"""A NoneBot that answers `ping X` with `pong X`, for the end-to-end tests. A picture with the text `and back` is fetched
by its address in the event and sent back twice: by its bytes, then by that address.

usage: echo_nonebot.py '<json settings>'

The settings are NoneBot's own (driver, port, onebot_access_token, onebot_ws_urls, ...); env_file names a file of them.
Lines that the tests wait for: READY, CONNECTED <self id>, GOT <text>, SENT <answer>, FETCHED <bytes>, BEAT, GONE <self id>.
"""

import asyncio
import json
import sys
import urllib.request

import nonebot
from nonebot.adapters.onebot.v11 import Adapter, MessageSegment

settings = json.loads(sys.argv[1])
settings.setdefault("log_level", "INFO")
settings.setdefault("api_timeout", 30)
nonebot.init(_env_file=settings.pop("env_file", None), **settings)

driver = nonebot.get_driver()
driver.register_adapter(Adapter)


def say(*words):
    print(*words, flush=True)


@driver.on_startup
async def _():
    say("READY")


@driver.on_bot_connect
async def _(bot):
    say("CONNECTED", bot.self_id)


@driver.on_bot_disconnect
async def _(bot):
    say("GONE", bot.self_id)


beat = nonebot.on_metaevent()


@beat.handle()
async def _(event):
    if event.get_event_name() == "meta_event.heartbeat":
        say("BEAT")


echo = nonebot.on_message()


@echo.handle()
async def _(bot, event):
    text = event.get_plaintext().strip()
    say("GOT", text)
    if text.startswith("ping "):
        say("SENT", await bot.send(event, "pong " + text[5:]))
    if text == "and back":
        for picture in event.get_message()["image"]:
            data = await asyncio.to_thread(fetch, picture.data["url"])
            say("FETCHED", len(data))
            say("SENT", await bot.send(event, MessageSegment.image(data)))
            say("SENT", await bot.send(event, MessageSegment.image(picture.data["url"])))


def fetch(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


nonebot.run()
