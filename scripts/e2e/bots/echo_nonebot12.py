"""A NoneBot of the OneBot V12 adapter, beside one of V11 if the settings say so, that answers what it is told:

  ping X     pong X
  at me X    a mention of who said it, and X
  quote X    a reply to the message, with X
  and back   the picture before it: as it came, by what get_file gives, and by its address

usage: echo_nonebot12.py '<json settings>'

The settings are NoneBot's own (driver, port, onebot_v12_access_token, ...). "v11": true registers the V11 adapter as well.
Lines that the tests wait for: READY, CONNECTED <self id>, GOT <text>, SENT <answer>, REPLY <author> <message id>, TO ME,
FETCHED <bytes> <sha256>, BEAT, STATUS, GONE <self id>, SUPPORTED <names>.
"""

import hashlib
import json
import sys

import nonebot
from nonebot.adapters.onebot import v11, v12

settings = json.loads(sys.argv[1])
settings.setdefault("log_level", "INFO")
settings.setdefault("api_timeout", 30)
both = settings.pop("v11", False)
nonebot.init(_env_file=settings.pop("env_file", None), **settings)

driver = nonebot.get_driver()
driver.register_adapter(v12.Adapter)
if both:
    driver.register_adapter(v11.Adapter)


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


meta = nonebot.on_metaevent()


@meta.handle()
async def _(event):
    if event.detail_type == "heartbeat":
        say("BEAT")
    if event.detail_type == "status_update":
        say("STATUS", event.status.bots[0].online)


notice = nonebot.on_notice()


@notice.handle()
async def _(event):
    say("NOTICE", event.get_event_name(), event.sub_type)


echo = nonebot.on_message()


@echo.handle()
async def _(bot, event):
    text = event.get_plaintext().strip()
    say("GOT", text)
    if event.to_me:
        say("TO ME", text)
    if event.reply:
        say("REPLY", event.reply.user_id, event.reply.message_id)
    command, _, rest = text.rpartition(" ")
    if command == "ping":
        say("SENT", await bot.send(event, "pong " + rest))
    if command == "at me":
        say("SENT", await bot.send(event, rest, at_sender=True))
    if command == "quote":
        say("SENT", await bot.send(event, rest, reply_message=True))
    if text == "supported":
        say("SUPPORTED", *await bot.get_supported_actions())
    if text == "and back":
        for picture in event.get_message()["image"]:
            await back(bot, event, picture)


async def back(bot, event, picture):
    say("SENT", await bot.send(event, picture))
    file = await bot.get_file(file_id=picture.data["file_id"], type="data")
    data = file["data"]
    if isinstance(data, str):
        import base64

        data = base64.b64decode(data)
    say("FETCHED", len(data), hashlib.sha256(data).hexdigest(), file["sha256"])
    stored = await bot.upload_file(type="data", name="back.png", data=data, sha256=file["sha256"])
    say("SENT", await bot.send(event, v12.MessageSegment.image(stored["file_id"])))
    place = await bot.get_file(file_id=picture.data["file_id"], type="url")
    stored = await bot.upload_file(type="url", name="back.png", url=place["url"])
    say("SENT", await bot.send(event, v12.MessageSegment.image(stored["file_id"])))


nonebot.run()
