// Clients that are ended after each check, names that no other check uses, and waits that end.
'use strict'

const path = require('path')

/** The promise's result; an error after `milliseconds`. */
function within(milliseconds, promise, message) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), milliseconds)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Resolves when `condition` holds. Checked often: nothing announces what a test waits for. */
async function until(condition, message, milliseconds = 60_000) {
  const deadline = Date.now() + milliseconds
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(message)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function suite(directory, bootstrap) {
  const kafkajs = require(path.resolve(directory))
  const kafka = new kafkajs.Kafka({
    clientId: 'chronik-js-suite', brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 10 },
  })
  const run = Date.now().toString(36)
  let count = 0
  let open = []

  async function connected(client) {
    open.push(client)
    await client.connect()
    return client
  }

  const self = {
    ...kafkajs,
    kafka,
    name: kind => `js-${kind}-${run}-${(count += 1)}`,
    admin: () => connected(kafka.admin()),
    producer: options => connected(kafka.producer(options)),

    async topic(kind, numPartitions = 1, configEntries = []) {
      const topic = self.name(kind)
      const admin = await self.admin()
      await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] })
      return topic
    },

    /** A consumer that runs, with what it has seen in `seen` and its present partitions in `assigned`. */
    async consumer(topic, options, run = {}) {
      const consumer = kafka.consumer({
        sessionTimeout: 10_000, rebalanceTimeout: 10_000, heartbeatInterval: 500, maxWaitTimeInMs: 200, ...options,
      })
      consumer.seen = []
      consumer.assigned = []
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        consumer.assigned = Object.values(payload.memberAssignment).flat()
      })
      await connected(consumer)
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ partition, message }) => {
          consumer.seen.push({ partition, ...message })
        },
        ...run,
      })
      return consumer
    },

    async disconnectAll() {
      const clients = open
      open = []
      await Promise.allSettled(clients.map(client => within(20_000, client.disconnect(), 'did not disconnect')))
    },
  }
  return self
}

module.exports = { suite, within, until }
