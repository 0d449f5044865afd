/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: What the owner has done about addresses, many at a time. */
#include <errno.h>

#include "engine.h"
#include "engine_state.h"

/* Addresses handled between two chances for the thread to get the lock: a hundred microseconds at most. */
#define ADDRESSES_PER_LOCK 256

static struct entry *known_or_new(struct engine *engine, uint32_t port,
				  const struct address *address)
{
	size_t before = engine->table.count;
	struct entry *entry = entry_put(&engine->table, port, address);

	engine->ports.items[port].entries += engine->table.count - before;
	return entry;
}

static int answer_one(struct engine *engine, uint32_t port, const struct address *address)
{
	struct entry *entry = known_or_new(engine, port, address);

	if (!entry)
		return -ENOMEM;
	if (!entry->answered && !address_is_ipv4(address) &&
	    groups_want(engine->groups, port, address) < 0)
		return -ENOMEM;
	entry->answered = true;
	return 0;
}

static void stop_answering(struct engine *engine, struct entry *entry)
{
	burst_cancel(&engine->burst, &entry->burst);
	burst_cancel(&engine->directed, &entry->directed);
	if (entry->answered)
		groups_release(engine->groups, entry->key.port, &entry->key.address);
	entry->answered = false;
}

static int watch_one(struct engine *engine, uint32_t port, const struct address *address)
{
	struct entry *entry = known_or_new(engine, port, address);

	if (!entry)
		return -ENOMEM;
	stop_answering(engine, entry);
	return 0;
}

static int withdraw_one(struct engine *engine, uint32_t port, const struct address *address)
{
	struct entry *entry = entry_find(&engine->table, port, address);

	if (!entry)
		return 0;
	stop_answering(engine, entry);
	requesters_forget(&engine->requesters, &entry->requesters);
	entry_remove(&engine->table, entry);
	engine->ports.items[port].entries--;
	return 0;
}

static int announce_one(struct engine *engine, uint32_t port, const struct address *address)
{
	struct entry *entry = entry_find(&engine->table, port, address);

	if (!entry || !entry->answered)
		return 0;
	burst_start(&engine->burst, &entry->burst, engine_now());
	burst_start(&engine->directed, &entry->directed, engine_now());
	return 0;
}

typedef int (*address_action)(struct engine *engine, uint32_t port, const struct address *address);

/* Return: the number of the port that speaks the address's protocol, -ENOENT, or -ENOMEM. */
static int port_of(struct engine *engine, const char *interface, const struct address *address,
		   bool make)
{
	uint16_t ethertype = address_is_ipv4(address) ? ETHERTYPE_OF_ARP : ETHERTYPE_OF_IPV6;
	int port;

	if (make)
		return ports_get(&engine->ports, interface, ethertype);
	port = ports_find(&engine->ports, interface, ethertype);
	return port < 0 ? -ENOENT : port;
}

/* One stretch of addresses under one lock; ports are looked up anew because a number may pass on meanwhile. */
static int apply_stretch(struct engine *engine, const char *interface, const struct address *addresses,
			 size_t count, address_action action)
{
	for (size_t i = 0; i < count; i++) {
		int port = port_of(engine, interface, &addresses[i], action == answer_one || action == watch_one);
		int error = port < 0 ? port : action(engine, (uint32_t)port, &addresses[i]);

		if (error < 0 && error != -ENOENT)
			return error;
	}
	return 0;
}

static int apply(struct engine *engine, const char *interface, const struct address *addresses,
		 size_t count, address_action action)
{
	int error = 0;

	for (size_t done = 0; done < count && error == 0; done += ADDRESSES_PER_LOCK) {
		size_t left = count - done;

		engine_lock(engine);
		error = apply_stretch(engine, interface, addresses + done,
				      left < ADDRESSES_PER_LOCK ? left : ADDRESSES_PER_LOCK,
				      action);
		engine->ports_stale = true;
		engine_unlock(engine);
	}
	engine_wake(engine);
	return error;
}

int engine_answer(struct engine *engine, const char *interface, const struct address *addresses,
		  size_t count)
{
	return apply(engine, interface, addresses, count, answer_one);
}

int engine_watch(struct engine *engine, const char *interface, const struct address *addresses,
		 size_t count)
{
	return apply(engine, interface, addresses, count, watch_one);
}

void engine_withdraw(struct engine *engine, const char *interface, const struct address *addresses,
		     size_t count)
{
	apply(engine, interface, addresses, count, withdraw_one);
}

void engine_announce(struct engine *engine, const char *interface, const struct address *addresses,
		     size_t count)
{
	apply(engine, interface, addresses, count, announce_one);
}
