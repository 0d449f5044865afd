/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_EVENT_QUEUE_H
#define STEELYARD_EVENT_QUEUE_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include "arp.h"

/** DOC: What the thread has to tell, bounded: a flood of claims costs a counter, not memory. */

#define EVENT_QUEUE_CAPACITY 512

enum event_kind {
	/** Another host says that it has one of our addresses. */
	EVENT_CLAIM,
	/** An interface can be answered on now. */
	EVENT_SOCKET_OPENED,
	/** An interface cannot be answered on; opening it is tried again every second. */
	EVENT_SOCKET_FAILED,
};

/** struct event - one occurrence; which fields count depends on the kind. */
struct event {
	enum event_kind kind;
	/** Empty where the failure is netlink's. */
	char interface[IFNAMSIZ];
	/** EVENT_CLAIM: the address in network order, the claimant and how it said so. */
	uint32_t address;
	uint8_t mac[MAC_LENGTH];
	uint16_t operation;
	/** EVENT_SOCKET_FAILED: positive error number. */
	int error;
};

/** struct event_queue - first in, first out; when full, new events are only counted. */
struct event_queue {
	struct event events[EVENT_QUEUE_CAPACITY];
	size_t count;
	uint64_t dropped;
};

void event_queue_put(struct event_queue *queue, const struct event *event);

#endif
