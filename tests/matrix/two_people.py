"""Two people with matrix-nio, and a third one with the other protocol, whose lines come on standard input."""

import asyncio
import sys

from nio import AsyncClient, JoinedRoomsResponse, LoginResponse, RoomMessageText, RoomRedactResponse


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
