"""An aiocqhttp that answers `ping X` with `pong X`, for the end-to-end tests.

usage: echo_aiocqhttp.py PORT '<json arguments of CQHttp>'

Lines that the tests wait for: CONNECTED <self id>, GOT <text>, SENT <answer>.
"""

import json
import sys

from aiocqhttp import CQHttp, Message

bot = CQHttp(message_class=Message, **json.loads(sys.argv[2]))


def say(*words):
    print(*words, flush=True)


@bot.on_meta_event("lifecycle")
async def _(event):
    say("CONNECTED", event.self_id)


@bot.on_message
async def _(event):
    text = event.message.extract_plain_text().strip()
    say("GOT", text)
    if text.startswith("ping "):
        say("SENT", await bot.send(event, "pong " + text[5:]))


bot.run(host="127.0.0.1", port=int(sys.argv[1]))
