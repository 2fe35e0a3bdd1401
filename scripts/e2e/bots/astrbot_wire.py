"""A stand-in for AstrBot: the library and the calls that AstrBot's platform aiocqhttp uses, without AstrBot itself.

usage: astrbot_wire.py '<entry of AstrBot's platform list, as JSON>'

It answers `ping X` with `pong X`, as AstrBot does: mentions are looked up with get_group_member_info and quotes with get_msg
before anything is sent, and each call names its self_id.
"""

import json
import sys

from aiocqhttp import CQHttp

entry = json.loads(sys.argv[1])
bot = CQHttp(access_token=entry["ws_reverse_token"], api_timeout_sec=180)


@bot.on_message
async def answer(event):
    assert isinstance(event["message"], list) and event.sender
    me = {"self_id": event.self_id}
    text = ""
    for segment in event["message"]:
        data = segment["data"]
        if segment["type"] == "text":
            text += data["text"]
        elif segment["type"] == "at":
            member = await bot.call_action(
                "get_group_member_info", group_id=event.group_id, user_id=int(data["qq"]), no_cache=False, **me)
            if not member.get("card"):
                await bot.call_action("get_stranger_info", user_id=int(data["qq"]), no_cache=False, **me)
        elif segment["type"] == "reply":
            await bot.call_action("get_msg", message_id=int(data["id"]), **me)
    text = text.strip()
    if text.startswith("ping "):
        message = [{"type": "text", "data": {"text": "pong " + text[5:]}}]
        if event.get("group_id"):
            await bot.call_action("send_group_msg", group_id=str(event.group_id), message=message, **me)
        else:
            await bot.call_action("send_private_msg", user_id=event.user_id, message=message, **me)


bot.run(host=entry["ws_reverse_host"], port=entry["ws_reverse_port"])
