#!/usr/bin/env python3
"""The part of Kafka's kafka-topics.sh that librdkafka's tests call: create, alter the partition count, delete.

The suite runs `$KAFKA_PATH/bin/kafka-topics.sh`; run_librdkafka.py makes such a directory whose script is this one. Kafka
itself is not needed then.
"""

import argparse
import sys

from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

parser = argparse.ArgumentParser()
parser.add_argument("--bootstrap-server", required=True)
action = parser.add_mutually_exclusive_group(required=True)
for verb in ("create", "alter", "delete"):
    action.add_argument(f"--{verb}", action="store_true")
parser.add_argument("--topic", required=True)
parser.add_argument("--partitions", type=int, default=-1)
parser.add_argument("--replication-factor", type=int, default=-1)
parser.add_argument("--config", action="append", default=[])
options = parser.parse_args()

admin = AdminClient({"bootstrap.servers": options.bootstrap_server})
if options.create:
    # The suite asks for three replicas where it expects a cluster of three.
    config = dict(pair.split("=", 1) for pair in options.config)
    futures = admin.create_topics([NewTopic(options.topic, options.partitions, min(options.replication_factor, 1), config=config)])
elif options.alter:
    futures = admin.create_partitions([NewPartitions(options.topic, options.partitions)])
else:
    futures = admin.delete_topics([options.topic])
try:
    for future in futures.values():
        future.result(30)
except Exception as error:  # the tool's exit code is what the suite looks at
    print(error, file=sys.stderr)
    sys.exit(1)
