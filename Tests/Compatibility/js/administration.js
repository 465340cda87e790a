// What the admin client can ask for.
'use strict'

const assert = require('assert')
const { until } = require('./harness')

module.exports = suite => {
  const { ConfigResourceTypes } = suite

  async function topics() {
    const admin = await suite.admin()
    const topic = suite.name('admin')
    const wanted = { topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '3600000' }] }
    assert.strictEqual(await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [wanted] }), true)
    assert(!(await admin.listTopics()).includes(topic))
    assert.strictEqual(await admin.createTopics({ topics: [wanted] }), true)
    assert.strictEqual(await admin.createTopics({ topics: [wanted] }), false, 'it exists')
    assert((await admin.listTopics()).includes(topic))
    await assert.rejects(
      admin.createTopics({ topics: [{ topic: suite.name('replicated'), replicationFactor: 3 }] }),
      error => error.errors?.[0]?.type === 'INVALID_REPLICATION_FACTOR')
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
    const { topics: [described] } = await admin.fetchTopicMetadata({ topics: [topic] })
    assert.deepStrictEqual(described.partitions.map(each => each.partitionId).sort(), [0, 1, 2, 3])
    for (const each of described.partitions) assert.deepStrictEqual([each.replicas, each.isr], [[each.leader], [each.leader]])
    await admin.deleteTopics({ topics: [topic] })
    assert(!(await admin.listTopics()).includes(topic))
  }

  async function settings() {
    const admin = await suite.admin()
    const topic = await suite.topic('settings', 1, [{ name: 'retention.ms', value: '3600000' }])
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
    const read = async configNames => {
      const { resources } = await admin.describeConfigs({ includeSynonyms: true, resources: [{ ...resource, configNames }] })
      return Object.fromEntries(resources[0].configEntries.map(each => [each.configName, each.configValue]))
    }
    assert.deepStrictEqual(await read(['retention.ms']), { 'retention.ms': '3600000' })
    await admin.alterConfigs({
      validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    })
    const all = await read(undefined)
    assert.strictEqual(all['cleanup.policy'], 'compact')
    assert.strictEqual(all['retention.ms'], '604800000', 'AlterConfigs replaces everything')
    await assert.rejects(
      admin.alterConfigs({
        validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: 'soon' }] }],
      }), error => error.type === 'INVALID_CONFIG')
    const { brokers, controller } = await admin.describeCluster()
    assert(brokers.some(each => each.nodeId === controller))
    const { resources: [broker] } = await admin.describeConfigs({
      resources: [{ type: ConfigResourceTypes.BROKER, name: `${controller}`, configNames: ['num.partitions'] }],
    })
    assert.strictEqual(broker.configEntries[0].configValue, '4')
  }

  async function offsets() {
    const admin = await suite.admin()
    const topic = await suite.topic('offsets')
    const producer = await suite.producer()
    for (const second of [10, 20, 30]) {
      await producer.send({ topic, messages: [{ value: 'v', timestamp: `${1_600_000_000_000 + second * 1000}` }] })
    }
    assert.deepStrictEqual(
      await admin.fetchTopicOffsets(topic), [{ partition: 0, offset: '3', high: '3', low: '0' }])
    const at = async second =>
      (await admin.fetchTopicOffsetsByTimestamp(topic, 1_600_000_000_000 + second * 1000))[0].offset
    assert.deepStrictEqual([await at(0), await at(20), await at(21), await at(31)], ['0', '1', '2', '3'])
    const groupId = suite.name('group')
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] })
    const committed = async () => (await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions[0].offset
    assert.strictEqual(await committed(), '2')
    await admin.resetOffsets({ groupId, topic, earliest: true })
    assert.strictEqual(await committed(), '-2', 'the client stores the wish')
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    assert.deepStrictEqual(
      await admin.fetchTopicOffsets(topic), [{ partition: 0, offset: '3', high: '3', low: '2' }])
    await assert.rejects(
      admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '99' }] }), /Error while deleting records/)
    assert.strictEqual((await admin.fetchTopicOffsets(topic))[0].low, '2', 'nothing went')
  }

  async function groups() {
    const admin = await suite.admin()
    const topic = await suite.topic('groups', 2)
    const groupId = suite.name('group')
    const consumer = await suite.consumer(topic, { groupId })
    await until(() => consumer.assigned.length === 2, 'an assignment')
    await until(async () => {
      const { groups: [group] } = await admin.describeGroups([groupId])
      return group.state === 'Stable'
    }, 'a stable group')
    const { groups: [group] } = await admin.describeGroups([groupId])
    assert.strictEqual(group.protocolType, 'consumer')
    assert.strictEqual(group.members.length, 1)
    const { AssignerProtocol } = suite
    const assignment = AssignerProtocol.MemberAssignment.decode(group.members[0].memberAssignment)
    assert.deepStrictEqual(assignment.assignment[topic], [0, 1])
    assert((await admin.listGroups()).groups.some(each => each.groupId === groupId && each.protocolType === 'consumer'))
    await assert.rejects(
      admin.deleteGroups([groupId]), error => error.groups?.[0]?.error?.type === 'NON_EMPTY_GROUP')
    await consumer.disconnect()
    const [deleted] = await admin.deleteGroups([groupId])
    assert.strictEqual(deleted.errorCode ?? 0, 0)
    assert(!(await admin.listGroups()).groups.some(each => each.groupId === groupId))
  }

  async function whatIsNotThere() {
    const admin = await suite.admin()
    const everything = {
      resourceName: 'any', resourceType: 2, resourcePatternType: 3, principal: 'User:any', host: '*', operation: 2,
      permissionType: 3,
    }
    await assert.rejects(admin.describeAcls(everything), error => error.type === 'SECURITY_DISABLED')
    const producer = await suite.producer({ transactionalId: suite.name('tx'), maxInFlightRequests: 1, idempotent: true })
    await assert.rejects(producer.transaction(), error => error.type === 'INVALID_TRANSACTION_TIMEOUT')
  }

  async function replicas() {
    const admin = await suite.admin()
    const topic = await suite.topic('replicas')
    assert.deepStrictEqual((await admin.listPartitionReassignments({})).topics, [])
    const { controller } = await admin.describeCluster()
    const move = replicas => admin.alterPartitionReassignments({
      topics: [{ topic, partitionAssignment: [{ partition: 0, replicas }] }],
    })
    await move([controller])
    await assert.rejects(
      move([controller, controller + 1]),
      error => error.errors?.[0]?.type === 'INVALID_REPLICA_ASSIGNMENT' || assert.fail(JSON.stringify(error)))
  }

  return [
    ['topics and partitions', topics],
    ['settings', settings],
    ['offsets by time, set, reset, deleted', offsets],
    ['groups described, listed, deleted', groups],
    ['partition reassignments', replicas],
    ['what is not there says so', whatIsNotThere],
  ]
}
