/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_EVENT_QUEUE_H
#define STEELYARD_EVENT_QUEUE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "ethernet.h"

/** DOC: What the thread has to tell, bounded: a flood of claims costs a counter, not memory. */

#define EVENT_QUEUE_CAPACITY 512

/** Claims, which any host can forge, leave room for what this host has to tell of itself, once each. */
#define EVENT_QUEUE_CLAIMS 384

enum event_kind {
	/** Another host says that it has one of our addresses. */
	EVENT_CLAIM,
	/** An interface can be answered on now; or netlink works again after a failure. */
	EVENT_SOCKET_OPENED,
	/** An interface cannot be answered on; opening it is tried again every second. */
	EVENT_SOCKET_FAILED,
};

/** struct event - one occurrence; which fields count depends on the kind. */
struct event {
	enum event_kind kind;
	/** Empty where it is about netlink. */
	char interface[IFNAMSIZ];
	/** What was or was not opened: ETHERTYPE_OF_ARP or ETHERTYPE_OF_IPV6; 0 for netlink. */
	uint16_t ethertype;
	/** EVENT_CLAIM: the address, the claimant, and whether it told so (ARP reply, advertisement) or asked as that. */
	struct address address;
	uint8_t mac[MAC_LENGTH];
	bool tells;
	/** EVENT_SOCKET_FAILED: positive error number. */
	int error;
};

/** struct event_queue - first in, first out; when full, new events are only counted. */
struct event_queue {
	struct event events[EVENT_QUEUE_CAPACITY];
	size_t count;
	uint64_t dropped;
};

/** event_queue_has_room() - Return: true if an event of that kind would not only be counted. */
bool event_queue_has_room(const struct event_queue *queue, enum event_kind kind);

void event_queue_put(struct event_queue *queue, const struct event *event);

#endif
