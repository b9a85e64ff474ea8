"""Two people with matrix-nio, and a third one with the other protocol, whose lines come on standard input."""

import asyncio
import io
import sys

from nio import (
    AsyncClient,
    DevicesResponse,
    JoinedRoomsResponse,
    LoginResponse,
    ProfileSetAvatarResponse,
    RoomMessageImage,
    RoomMessageText,
    RoomReadMarkersResponse,
    RoomRedactResponse,
    RoomTypingResponse,
    UploadResponse,
)


async def main(host, password):
    anna, boris = AsyncClient(host, "@anna:example.org"), AsyncClient(host, "boris")
    for client in (anna, boris):
        answer = await client.login(password, device_name="nio")
        assert isinstance(answer, LoginResponse), answer
        await client.sync(timeout=0, full_state=True)
    made = await anna.room_create(name="Club", topic="About", invite=["@boris:example.org", "@carol:example.org"])
    room = made.room_id
    await boris.sync(timeout=1000)
    assert room in boris.invited_rooms, boris.invited_rooms
    assert boris.invited_rooms[room].name == "Club"
    await boris.join(room)
    await boris.sync(timeout=1000)
    assert boris.rooms[room].display_name == "Club"
    assert set(boris.rooms[room].users) == {f"@{it}:example.org" for it in ("anna", "boris", "carol")}
    heard = []
    boris.add_event_callback(lambda _, event: heard.append(event.body), RoomMessageText)
    sent = await anna.room_send(room, "m.room.message", {"msgtype": "m.text", "body": "hello from nio"})
    print(room, flush=True)
    # The third one answers.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for _ in range(20):
        await boris.sync(timeout=1000)
        if "hello back" in heard:
            break
    assert heard[-2:] == ["hello from nio", "hello back"], heard
    await anna.sync(timeout=0)
    page = await anna.room_messages(room, start=anna.next_batch, limit=50)
    bodies = [event.body for event in page.chunk if isinstance(event, RoomMessageText)]
    assert "hello from nio" in bodies, page
    taken = await anna.room_redact(room, sent.event_id, reason="oops")
    assert isinstance(taken, RoomRedactResponse), taken
    marked = await boris.room_read_markers(room, sent.event_id, sent.event_id)
    assert isinstance(marked, RoomReadMarkersResponse), marked
    assert isinstance(await anna.room_typing(room, timeout=20000), RoomTypingResponse)
    await boris.sync(timeout=1000)
    assert "@anna:example.org" in boris.rooms[room].typing_users, boris.rooms[room].typing_users
    devices = await anna.devices()
    assert isinstance(devices, DevicesResponse) and len(devices.devices) == 2, devices
    picture = b"\x89PNG\r\n\x1a\n" + bytes(2000)
    uploaded, _ = await anna.upload(io.BytesIO(picture), "image/png", "dot.png", filesize=len(picture))
    assert isinstance(uploaded, UploadResponse), uploaded
    assert isinstance(await anna.set_avatar(uploaded.content_uri), ProfileSetAvatarResponse)
    assert (await boris.get_profile("@anna:example.org")).avatar_url == uploaded.content_uri
    content = {"msgtype": "m.image", "body": "dot.png", "url": uploaded.content_uri, "info": {"size": len(picture)}}
    await anna.room_send(room, "m.room.message", content)
    seen = []
    boris.add_event_callback(lambda _, event: seen.append(event.url), RoomMessageImage)
    await boris.sync(timeout=1000)
    assert seen == [uploaded.content_uri], seen
    profile = await anna.get_profile("@carol:example.org")
    assert profile.displayname == "carol", profile
    await boris.room_leave(room)
    rooms = await boris.joined_rooms()
    assert isinstance(rooms, JoinedRoomsResponse) and room not in rooms.rooms, rooms
    for client in (anna, boris):
        await client.logout()
        await client.close()
    print("done", flush=True)


asyncio.run(main(*sys.argv[1:]))
