"""Every advertised version of the group APIs, one request at a time, encoded by kafka-python's schema-driven messages."""

import os
import signal
import struct
import time

import kafka.protocol.admin as admin
import kafka.protocol.consumer as consumer
import kafka.protocol.metadata as metadata
import pytest

import test_groups
from test_groups import create, eventually
from wire import Wire

MEMBER_ID_REQUIRED, UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS = 79, 25, 22, 27
INVALID_SESSION_TIMEOUT, INVALID_GROUP_ID, INCONSISTENT_PROTOCOL, FENCED_INSTANCE = 26, 24, 23, 82
GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, GROUP_SUBSCRIBED = 69, 68, 86

# What the broker advertises.
RANGES = {
    8: (2, 9), 9: (1, 9), 10: (0, 4), 11: (0, 9), 12: (0, 4), 13: (0, 5), 14: (0, 5), 15: (0, 5), 16: (0, 5), 42: (0, 2),
    47: (0, 0)}


@pytest.fixture
def node(brokers):
    return brokers(test_groups.text())


class Raw(Wire):
    """One connection that speaks messages, at the version of each."""

    def ask(self, request):
        self.post(request)
        return self.answer(request)

    def post(self, request):
        request.with_header(correlation_id=self.correlation(), client_id="raw")
        self.send(bytes(request.encode(header=True, framed=True)))

    def answer(self, request):
        payload = self._exactly(struct.unpack(">i", self._exactly(4))[0])
        module = admin if hasattr(admin, type(request).__name__) else \
            consumer if hasattr(consumer, type(request).__name__) else metadata
        response = getattr(module, type(request).__name__.replace("Request", "Response"))
        return response[request.version].decode(payload, header=True)


def at(message, step, **fields):
    """The message at the `step`-th version of its range, or the highest."""
    low, high = RANGES[message.API_KEY]
    version = min(low + step, high)
    known = message[version]()
    return message[version](**{name: value for name, value in fields.items() if hasattr(known, name)})


def subscription(topic):
    name = topic.encode()
    return b"\0\0" + b"\0\0\0\1" + len(name).to_bytes(2, "big") + name + b"\xff\xff\xff\xff"


def joining(step, group, topic, member="", instance=None, session=10000, kind="consumer", protocols=None):
    protocols = [("range", subscription(topic))] if protocols is None else protocols
    return at(consumer.JoinGroupRequest, step, group_id=group, session_timeout_ms=session, rebalance_timeout_ms=session,
              member_id=member, group_instance_id=instance, protocol_type=kind, protocols=protocols, reason=None)


def join(wire, step, group, topic, **options):
    joined = wire.ask(joining(step, group, topic, **options))
    if joined.error_code == MEMBER_ID_REQUIRED:
        options["member"] = joined.member_id
        joined = wire.ask(joining(step, group, topic, **options))
    return joined


def syncing(step, group, joined, assignments, instance=None):
    return at(consumer.SyncGroupRequest, step, group_id=group, generation_id=joined.generation_id,
              member_id=joined.member_id, group_instance_id=instance, protocol_type="consumer", protocol_name="range",
              assignments=assignments)


def committing(step, group, topic, offset, generation=-1, member="", partition=0, retention=-1):
    message = at(consumer.OffsetCommitRequest, step)
    fields = {"partition_index": partition, "committed_offset": offset, "committed_metadata": "note"}
    kind = type(message).OffsetCommitRequestTopic
    inner = kind.OffsetCommitRequestPartition
    return at(consumer.OffsetCommitRequest, step, group_id=group, generation_id_or_member_epoch=generation, member_id=member,
              group_instance_id=None, retention_time_ms=retention,
              topics=[kind(version=message.version, name=topic, partitions=[inner(version=message.version, **fields)])])


def fetch_offset(wire, step, group, topic):
    """(offset, metadata, error) of partition 0."""
    low, high = RANGES[9]
    version = min(low + step, high)
    message = consumer.OffsetFetchRequest
    if version >= 8:
        kind = message.OffsetFetchRequestGroup
        wanted = kind.OffsetFetchRequestTopics(version=version, name=topic, partition_indexes=[0])
        request = message[version](groups=[kind(version=version, group_id=group, topics=[wanted])], require_stable=True)
        found = wire.ask(request).groups[0]
    else:
        wanted = message.OffsetFetchRequestTopic(version=version, name=topic, partition_indexes=[0])
        request = message[version](group_id=group, topics=[wanted])
        found = wire.ask(request)
    partition = found.topics[0].partitions[0]
    return partition.committed_offset, partition.metadata, partition.error_code


def listed(wire, step):
    return {group.group_id: group for group in wire.ask(at(admin.ListGroupsRequest, step)).groups}


def test_the_ranges_are_advertised(node):
    with Raw(node.bootstrap) as wire:
        advertised = wire.api_versions()
    assert {key: advertised.get(key) for key in RANGES} == RANGES


@pytest.mark.parametrize("step", range(10))
def test_a_member_s_life(node, topic, step):
    create(node, topic, 1)
    group = f"life-{step}"
    with Raw(node.bootstrap) as wire:
        find = at(metadata.FindCoordinatorRequest, step)
        find = at(metadata.FindCoordinatorRequest, step, **(
            {"coordinator_keys": [group]} if find.version >= 4 else {"key": group}), key_type=0)
        found = wire.ask(find)
        found = found.coordinators[0] if find.version >= 4 else found
        assert (found.error_code, f"{found.host}:{found.port}") == (0, node.bootstrap)

        joined = join(wire, step, group, topic)
        assert joined.error_code == 0 and joined.generation_id == 1 and joined.leader == joined.member_id
        assert [member.member_id for member in joined.members] == [joined.member_id]
        beat = {"group_id": group, "member_id": joined.member_id, "group_instance_id": None}
        assert wire.ask(at(consumer.HeartbeatRequest, step, generation_id=1, **beat)).error_code == 0
        early = wire.ask(committing(step, group, topic, 3, 1, joined.member_id))
        assert early.topics[0].partitions[0].error_code == REBALANCE_IN_PROGRESS
        synced = wire.ask(syncing(step, group, joined, [(joined.member_id, b"mine")]))
        assert (synced.error_code, bytes(synced.assignment)) == (0, b"mine")
        assert wire.ask(at(consumer.HeartbeatRequest, step, generation_id=0, **beat)).error_code == ILLEGAL_GENERATION

        done = wire.ask(committing(step, group, topic, 42, 1, joined.member_id))
        assert done.topics[0].partitions[0].error_code == 0
        assert fetch_offset(wire, step, group, topic) == (42, "note", 0)
        stranger = wire.ask(committing(step, group, topic, 1))
        assert stranger.topics[0].partitions[0].error_code == UNKNOWN_MEMBER_ID

        described = wire.ask(at(admin.DescribeGroupsRequest, step, groups=[group, "nobody"], include_authorized_operations=True))
        assert [(each.group_state, each.error_code) for each in described.groups] == [("Stable", 0), ("Dead", 0)]
        assert described.groups[0].protocol_type == "consumer" and described.groups[0].protocol_data == "range"
        one = described.groups[0].members[0]
        assert (one.member_id, one.client_id, bytes(one.member_assignment)) == (joined.member_id, "raw", b"mine")
        assert listed(wire, step)[group].protocol_type == "consumer"
        assert delete_offset(wire, group, topic) == (0, GROUP_SUBSCRIBED)
        assert delete_group(wire, step, group) == NON_EMPTY_GROUP

        assert leave(wire, step, group, joined.member_id) == 0
        assert leave(wire, step, group, joined.member_id) == UNKNOWN_MEMBER_ID
        assert delete_offset(wire, group, topic) == (0, 0)
        assert fetch_offset(wire, step, group, topic) == (-1, "", 0)
        assert delete_group(wire, step, group) == 0
        assert delete_group(wire, step, group) == GROUP_ID_NOT_FOUND
        assert group not in listed(wire, step)


def leave(wire, step, group, member):
    message = at(consumer.LeaveGroupRequest, step)
    if message.version < 3:
        return wire.ask(at(consumer.LeaveGroupRequest, step, group_id=group, member_id=member)).error_code
    identity = type(message).MemberIdentity(version=message.version, member_id=member, group_instance_id=None)
    answer = wire.ask(at(consumer.LeaveGroupRequest, step, group_id=group, members=[identity]))
    return answer.error_code or answer.members[0].error_code


def delete_group(wire, step, group):
    return wire.ask(at(admin.DeleteGroupsRequest, step, groups_names=[group])).results[0].error_code


def delete_offset(wire, group, topic):
    kind = consumer.OffsetDeleteRequest.OffsetDeleteRequestTopic
    inner = kind.OffsetDeleteRequestPartition
    answer = wire.ask(consumer.OffsetDeleteRequest[0](
        group_id=group, topics=[kind(version=0, name=topic, partitions=[inner(version=0, partition_index=0)])]))
    return answer.error_code, answer.topics[0].partitions[0].error_code if answer.topics else None


def test_refusals(node, topic):
    create(node, topic, 1)
    with Raw(node.bootstrap) as wire:
        assert wire.ask(joining(9, "", topic)).error_code == INVALID_GROUP_ID
        assert wire.ask(joining(9, "r", topic, session=999)).error_code == INVALID_SESSION_TIMEOUT
        assert wire.ask(joining(9, "r", topic, session=1800001)).error_code == INVALID_SESSION_TIMEOUT
        assert wire.ask(joining(9, "r", topic, protocols=[])).error_code == INCONSISTENT_PROTOCOL
        assert wire.ask(joining(9, "r", topic, kind="")).error_code == INCONSISTENT_PROTOCOL
        assert wire.ask(joining(9, "r", topic, member="ghost")).error_code == UNKNOWN_MEMBER_ID
        assert delete_offset(wire, "", topic)[0] == INVALID_GROUP_ID
        assert delete_offset(wire, "r", topic)[0] == GROUP_ID_NOT_FOUND
        assert listed(wire, 4) == {}, "a refused join leaves no group behind"
        connect = join(wire, 5, "workers", topic, kind="connect", protocols=[("sessioned", b"\1")])
        assert (connect.error_code, connect.protocol_name) == (0, "sessioned")
        assert listed(wire, 4)["workers"].protocol_type == "connect"


def test_requests_behind_a_parked_join_wait(node, topic):
    """Join is a barrier: what the client sends after it is answered after it."""
    create(node, topic, 1)
    with Raw(node.bootstrap) as wire:
        first, second = joining(3, "barrier", topic), at(consumer.HeartbeatRequest, 1, group_id="barrier", generation_id=9,
                                                         member_id="x")
        wire.post(first)
        wire.post(second)
        assert wire.answer(first).error_code == 0
        assert wire.answer(second).error_code == UNKNOWN_MEMBER_ID


def test_a_member_whose_connection_breaks_while_it_waits(node, topic):
    create(node, topic, 1)
    session = 8000  # the silent member is waited for so long; the other must not miss it
    with Raw(node.bootstrap) as one:
        joined = join(one, 9, "broken", topic, session=session)
        one.ask(syncing(5, "broken", joined, [(joined.member_id, b"a")]))
        with Raw(node.bootstrap) as two:
            two.post(joining(3, "broken", topic, session=session))
            beat = at(consumer.HeartbeatRequest, 4, group_id="broken", generation_id=1, member_id=joined.member_id,
                      group_instance_id=None)
            eventually(lambda: one.ask(beat).error_code == REBALANCE_IN_PROGRESS, "the rebalance begins")
        again = one.ask(joining(9, "broken", topic, member=joined.member_id, session=session))
        assert again.generation_id == 2 and len(again.members) == 2, "a closed connection is not a departure"
        assert one.ask(syncing(5, "broken", again, [(again.member_id, b"b")])).error_code == 0
        # It never syncs: after the timeout it is gone and the other is called to a rebalance.
        beat = at(consumer.HeartbeatRequest, 4, group_id="broken", generation_id=2, member_id=joined.member_id,
                  group_instance_id=None)
        eventually(lambda: one.ask(beat).error_code == REBALANCE_IN_PROGRESS, "the silent member is dropped")
        last = one.ask(joining(9, "broken", topic, member=joined.member_id, session=session))
        assert last.generation_id == 3 and len(last.members) == 1


def test_static_members_are_fenced_over_the_wire(node, topic):
    create(node, topic, 1)
    with Raw(node.bootstrap) as old, Raw(node.bootstrap) as new:
        joined = join(old, 9, "fence", topic, instance="i")
        old.ask(syncing(5, "fence", joined, [(joined.member_id, b"a")], instance="i"))
        back = join(new, 9, "fence", topic, instance="i")
        assert back.error_code == 0 and back.generation_id == 1 and back.member_id != joined.member_id
        assert back.skip_assignment and back.leader == back.member_id
        assert bytes(new.ask(syncing(5, "fence", back, [], instance="i")).assignment) == b"a"
        beat = at(consumer.HeartbeatRequest, 4, group_id="fence", generation_id=1, member_id=joined.member_id,
                  group_instance_id="i")
        assert old.ask(beat).error_code == FENCED_INSTANCE


def test_offsets_expire_and_take_the_group_along(brokers, topic):
    node = brokers(test_groups.text("  offsets.retention.check.interval.ms: 100\n"))
    create(node, topic, 1)
    with Raw(node.bootstrap) as wire:
        kept = wire.ask(committing(0, "kept", topic, 5))
        gone = wire.ask(committing(0, "gone", topic, 5, retention=1))
        assert [each.topics[0].partitions[0].error_code for each in (kept, gone)] == [0, 0]
        eventually(lambda: fetch_offset(wire, 0, "gone", topic)[0] == -1, "it expires")
        eventually(lambda: set(listed(wire, 4)) == {"kept"}, "the group goes with its last offset")
        assert fetch_offset(wire, 0, "kept", topic)[0] == 5
    node.restart(hard=True)
    with Raw(node.bootstrap) as wire:
        eventually(lambda: fetch_offset(wire, 0, "kept", topic)[0] == 5, "loaded")
        # The kill may have come before the record of the deletion; then the offset expires once more.
        eventually(lambda: set(listed(wire, 4)) == {"kept"}, "only the other group is left")


def test_an_empty_group_keeps_its_generation_over_a_crash(node, topic):
    create(node, topic, 1)
    with Raw(node.bootstrap) as wire:
        joined = join(wire, 9, "counting", topic)
        wire.ask(syncing(5, "counting", joined, [(joined.member_id, b"a")]))
        wire.ask(committing(7, "counting", topic, 1, 1, joined.member_id))
        leave(wire, 5, "counting", joined.member_id)
        wire.ask(committing(7, "counting", topic, 2))  # durable behind the group's own record
    node.restart(hard=True)
    with Raw(node.bootstrap) as wire:
        eventually(lambda: fetch_offset(wire, 8, "counting", topic)[0] == 2, "loaded")
        assert listed(wire, 4)["counting"].protocol_type == "consumer"
        assert join(wire, 9, "counting", topic).generation_id == 3


def test_a_broker_that_stood_still_hears_its_members_before_it_expels_them(node, topic):
    create(node, topic, 1)
    with Raw(node.bootstrap) as wire:
        joined = join(wire, 5, "stalled", topic, session=3000)
        assert wire.ask(syncing(3, "stalled", joined, [(joined.member_id, b"")])).error_code == 0
        beat = at(consumer.HeartbeatRequest, 4, group_id="stalled", generation_id=1, member_id=joined.member_id,
                  group_instance_id=None)
        os.kill(node.process.pid, signal.SIGSTOP)
        try:
            wire.post(beat)  # in time, but nobody reads it
            time.sleep(3.5)  # longer than the session
        finally:
            os.kill(node.process.pid, signal.SIGCONT)
        assert wire.answer(beat).error_code == 0
        # From then on its silence counts: it is expelled without another word, and the group is empty.
        eventually(lambda: listed(wire, 4)["stalled"].group_state == "Empty", "the silent member is still there")
