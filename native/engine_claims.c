/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: What the owner has done about other hosts that have, or might have, its addresses. */
#include <errno.h>
#include <string.h>

#include "announcement.h"
#include "engine.h"
#include "engine_state.h"
#include "inquiry.h"

/* Addresses handled between two chances for the thread to get the lock. */
#define ADDRESSES_PER_LOCK 64

static uint16_t ethertype_of(const struct address *address)
{
	return address_is_ipv4(address) ? ETHERTYPE_OF_ARP : ETHERTYPE_OF_IPV6;
}

static struct port *find_port(struct engine *engine, const char *interface,
			      const struct address *address, uint32_t *number)
{
	int found = ports_find(&engine->ports, interface, ethertype_of(address));

	if (found < 0)
		return NULL;
	*number = (uint32_t)found;
	return &engine->ports.items[found];
}

static int observe_one(struct engine *engine, const char *interface, const struct address *address)
{
	int port = ports_get(&engine->ports, interface, ethertype_of(address));
	int added;

	if (port < 0)
		return port;
	added = observed_add(&engine->observed, (uint32_t)port, address);
	if (added < 0)
		return added;
	engine->ports.items[port].entries += (size_t)added;
	return 0;
}

static int ignore_one(struct engine *engine, const char *interface, const struct address *address)
{
	uint32_t number;
	struct port *port = find_port(engine, interface, address, &number);

	if (port && observed_remove(&engine->observed, number, address))
		port->entries--;
	return 0;
}

/* What falls into a time without link is lost: the owner asks again. Return: how many were sent. */
static int send_now(struct engine *engine, const struct port *port, const struct frame *frames,
		    int count)
{
	if (port->fd < 0)
		return 0;
	for (int i = 0; i < count; i++)
		packet_batch_put(&engine->sending, i, &frames[i]);
	return packet_socket_send(port->fd, &engine->sending, count);
}

static int inquire_one(struct engine *engine, const char *interface, const struct address *address)
{
	uint32_t number;
	const struct port *port = find_port(engine, interface, address, &number);
	struct frame frame;

	if (!port)
		return 0;
	inquiry_write(address, port->mac, &frame);
	send_now(engine, port, &frame, 1);
	return 0;
}

static int defend_one(struct engine *engine, const char *interface, const struct address *address)
{
	uint32_t number;
	const struct port *port = find_port(engine, interface, address, &number);
	struct entry *entry = port ? entry_find(&engine->table, number, address) : NULL;
	struct frame frames[ANNOUNCEMENT_FRAMES];
	int count;

	if (!entry || !entry->answered)
		return 0;
	count = announcement_write(address, port->mac, frames);
	entry->gratuitous_sent += (uint64_t)send_now(engine, port, frames, count);
	return 0;
}

typedef int (*claim_action)(struct engine *engine, const char *interface,
			    const struct address *address);

static int apply_to_all(struct engine *engine, const char *interface,
			const struct address *addresses, size_t count, claim_action action)
{
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		if (i % ADDRESSES_PER_LOCK == 0) {
			if (i > 0)
				engine_unlock(engine);
			engine_lock(engine);
		}
		error = action(engine, interface, &addresses[i]);
	}
	if (count > 0) {
		engine->ports_stale = true;
		engine_unlock(engine);
	}
	engine_wake(engine);
	return error;
}

int engine_observe(struct engine *engine, const char *interface, const struct address *addresses,
		   size_t count)
{
	return apply_to_all(engine, interface, addresses, count, observe_one);
}

void engine_ignore(struct engine *engine, const char *interface, const struct address *addresses,
		   size_t count)
{
	apply_to_all(engine, interface, addresses, count, ignore_one);
}

void engine_inquire(struct engine *engine, const char *interface, const struct address *addresses,
		    size_t count)
{
	apply_to_all(engine, interface, addresses, count, inquire_one);
}

void engine_defend(struct engine *engine, const char *interface, const struct address *addresses,
		   size_t count)
{
	apply_to_all(engine, interface, addresses, count, defend_one);
}

void engine_note_claim(struct engine *engine, uint32_t number,
		       const struct responder_verdict *verdict, uint64_t now)
{
	const struct port *port = &engine->ports.items[number];
	struct event event = { .kind = EVENT_CLAIM, .tells = verdict->tells };
	struct claim claim = { .port = number, .tells = verdict->tells };
	bool concerns_us;

	if (!verdict->is_sound)
		return;
	concerns_us = verdict->claimed || table_find(&engine->observed, number, &verdict->has);
	if (!concerns_us || interfaces_have_mac(&engine->interfaces, verdict->sender_mac))
		return;
	claim.address = verdict->has;
	memcpy(claim.mac, verdict->sender_mac, MAC_LENGTH);
	if (claim_limit_known(&engine->claims, &claim,
			      verdict->claimed ? CLAIM_REPEAT_INTERVAL : OBSERVED_REPEAT_INTERVAL,
			      now))
		return;
	/* What finds no room does not count as told, and is heard when it is said again. */
	if (!event_queue_has_room(&engine->queue, EVENT_CLAIM) ||
	    !claim_limit_take(&engine->claims, &claim, now)) {
		engine->queue.dropped++;
		return;
	}
	event.address = verdict->has;
	memcpy(event.interface, port->name, sizeof(event.interface));
	memcpy(event.mac, verdict->sender_mac, MAC_LENGTH);
	event_queue_put(&engine->queue, &event);
}
