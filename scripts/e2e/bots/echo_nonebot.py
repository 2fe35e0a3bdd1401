"""A NoneBot that answers `ping X` with `pong X`, for the end-to-end tests.

usage: echo_nonebot.py '<json settings>'

The settings are NoneBot's own (driver, port, onebot_access_token, onebot_ws_urls, ...).
Lines that the tests wait for: READY, CONNECTED <self id>, GOT <text>, SENT <answer>, BEAT, GONE <self id>.
"""

import json
import sys

import nonebot
from nonebot.adapters.onebot.v11 import Adapter

settings = json.loads(sys.argv[1])
settings.setdefault("host", "127.0.0.1")
settings.setdefault("log_level", "INFO")
settings.setdefault("api_timeout", 30)
nonebot.init(_env_file=None, **settings)

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


nonebot.run()
